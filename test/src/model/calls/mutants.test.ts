import { describe, expect, it } from 'vitest';
import { exploreCalls } from './explore.js';
import { callInvariantLabels } from './invariants.js';
import { callMutants } from './mutants.js';
import { callScenarios } from './scenarios.js';

describe('the exploration of calls finds out when', () => {
  it.for(callMutants)(
    '$mistake',
    { timeout: 300_000 },
    async ({ scenario, changes, breaks }, { annotate }) => {
      const { violation, states } = await exploreCalls(callScenarios[scenario], changes);
      await annotate(`${states} states\n${violation?.trace ?? 'nothing was found'}`);
      expect(violation?.label).toBe(breaks);
    },
  );

  it('any of the invariants is broken', () => {
    const broken = new Set<string>(callMutants.map(({ breaks }) => breaks));
    expect(callInvariantLabels.filter((label) => !broken.has(label))).toEqual([]);
  });
});
