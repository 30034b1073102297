import { describe, expect, it } from 'vitest';
import { type Applicable, type Cell, type Situation, type Subject, situations } from './contract.js';
import { Stage } from './stage-process.js';
import { subjects } from './subjects/index.js';

const stage = new Stage('contract');

function cellsOf({ cells }: Subject): (readonly [Situation, Applicable])[] {
  const isApplicable = (entry: readonly [Situation, Cell]): entry is readonly [Situation, Applicable] =>
    'comes' in entry[1];
  return situations.map((situation) => [situation, cells[situation]] as const).filter(isApplicable);
}

describe.runIf(process.platform === 'linux')('settles as it should:', () => {
  describe.each(subjects)('$name', (subject) => {
    it.for(cellsOf(subject))('%s', async ([situation, cell], { skip }) => {
      if (situation === 'without space' && !stage.hasLittleSpace)
        skip('this user may not mount a small file system');
      const { outcome, faults } = await stage.play({ subject: subject.name, situation });
      if (typeof cell.comes === 'string') expect(outcome).toBe(cell.comes);
      else expect(outcome).toMatch(cell.comes);
      expect(faults).toEqual([]);
    });
  });
});
