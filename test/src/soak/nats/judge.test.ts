import { describe, expect, it } from 'vitest';
import { judge } from './judge.js';

const INCARNATION = '00000000000000aa';
const seen = (...sequences: number[]) =>
  sequences.map((sequence) => ({ sequence, life: 1, number: 10 * sequence }));
/** Numbers of the importing channel are its own. */
const arrived = (...sequences: number[]) =>
  seen(...sequences).map((one, index) => ({ ...one, sequence: index + 1 }));
const gap = (from: number, to: number) => ({
  ...{ channel: 'copies', incarnation: INCARNATION, reason: 'ring' },
  ...{ from, to, count: to - from + 1 },
});
const verdict = (numbers: number[], gaps: ReturnType<typeof gap>[] = []) =>
  judge({ incarnation: INCARNATION, published: seen(1, 2, 3, 4), arrived: arrived(...numbers), gaps });

describe('the judge of a way from one machine to another', () => {
  it('takes what arrived once, and what was told to be missing', () => {
    expect(verdict([1, 2, 3, 4])).toMatchObject({ problems: [], published: 4, arrived: 4 });
    const { problems, missed } = verdict([1, 4], [gap(2, 3), gap(3, 3)]);
    expect({ problems, missed: [...missed] }).toEqual({ problems: [], missed: [['ring', 2]] });
  });

  it.each([
    ['is lost', [1, 2, 4], [], 'message 30 of life 1, number 3, did not arrive'],
    ['comes twice', [1, 2, 2, 3, 4], [], 'message 20 of life 1, number 2, arrived twice'],
    ['comes too late', [1, 3, 2, 4], [], 'message 20 of life 1, number 2, arrived behind 3'],
    ['was not published', [1, 2, 3, 4, 5], [], 'message 50 of life 1 arrived, and was not published'],
    ['arrives and is told to be missing', [1, 2, 3, 4], [gap(2, 2)], 'number 2 arrived, and is in a gap'],
    ['is told and there is none', [1, 2, 3], [gap(4, 5)], 'there are no 4 to 5'],
  ] as const)('finds a message that %s', (_what, numbers, gaps, problem) => {
    expect(verdict([...numbers], [...gaps]).problems).toEqual([expect.stringContaining(problem)]);
  });

  it('finds a gap of another channel', () => {
    const { problems } = verdict([1, 2, 4], [{ ...gap(3, 3), incarnation: '00000000000000ab' }]);
    expect(problems).toEqual([expect.stringContaining('this gap is wrong')]);
  });
});
