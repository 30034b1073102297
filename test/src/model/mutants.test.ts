import { describe, expect, it } from 'vitest';
import { explore } from './explore.js';
import { invariantLabels } from './invariants.js';
import { mutants } from './mutants.js';
import { scenarios } from './scenarios.js';

describe('the exploration finds out when', () => {
  it.for(mutants)('$mistake', async ({ scenario, interruptions, changes, breaks, trace }, { annotate }) => {
    const bounds = interruptions === undefined ? {} : { interruptions };
    const { violation } = await explore({ ...scenarios[scenario], ...bounds }, changes);
    await annotate(violation?.trace ?? 'nothing was found');
    expect(violation?.label).toBe(breaks);
    expect(violation?.trace).toMatch(trace);
  });

  it('any of the invariants is broken', () => {
    const broken = new Set(mutants.map(({ breaks }) => breaks));
    expect(invariantLabels.filter((label) => !broken.has(label))).toEqual([]);
  });
});
