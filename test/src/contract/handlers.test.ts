import { describe, expect, it } from 'vitest';
import { actions, modes, sequencesOf, ways } from './sequences.js';
import { Stage } from './stage-process.js';

const stage = new Stage('handlers');

const cases = ways
  .flatMap((way) => modes.flatMap((mode) => actions.map((first) => ({ way, mode, first }))))
  .filter(({ way, mode, first }) => sequencesOf(way, mode, first).length > 0);

describe.runIf(process.platform === 'linux')(
  'whatever a handler does, nothing is lost, late or unhandled:',
  () => {
    it.each(cases)('$way, $mode, beginning with $first', async (order) => {
      const { outcome, faults } = await stage.play(order);
      expect(outcome.split('\n').filter((line) => line !== '')).toEqual([]);
      expect(faults).toEqual([]);
    });
  },
);
