import { describe, expect, it } from 'vitest';
import { actions, sequencesOf, ways } from './sequences.js';
import { Stage } from './stage-process.js';

const stage = new Stage('handlers');

const cases = ways.flatMap((way) =>
  actions.filter((first) => sequencesOf(way, first).length > 0).map((first) => ({ way, first })),
);

describe.runIf(process.platform === 'linux')(
  'whatever a handler does, nothing is lost, late or unhandled:',
  () => {
    it.each(cases)('$way, beginning with $first', async (order) => {
      const { outcome, faults } = await stage.play(order);
      expect(outcome.split('\n').filter((line) => line !== '')).toEqual([]);
      expect(faults).toEqual([]);
    });
  },
);
