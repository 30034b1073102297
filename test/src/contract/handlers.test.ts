import { describe, expect, it } from 'vitest';
import { actions, deliveries, sequencesOf, ways } from './sequences.js';
import { Stage } from './stage-process.js';

const stage = new Stage('handlers');

const cases = ways
  .flatMap((way) => deliveries.flatMap((delivery) => actions.map((first) => ({ way, delivery, first }))))
  .filter(({ way, delivery, first }) => sequencesOf(way, delivery, first).length > 0);

describe.runIf(process.platform === 'linux')(
  'whatever a handler does, nothing is lost, late or unhandled:',
  () => {
    it.each(cases)('$way, $delivery, beginning with $first', async (order) => {
      const { outcome, faults } = await stage.play(order);
      expect(outcome.split('\n').filter((line) => line !== '')).toEqual([]);
      expect(faults).toEqual([]);
    });
  },
);
