import { describe, expect, it } from 'vitest';
import { exploreCalls } from './explore.js';
import { type CallScenarioName, callScenarios } from './scenarios.js';

const names = Object.keys(callScenarios) as CallScenarioName[];

describe('calls keep their invariants in every order of', () => {
  it.for(names)('%s', { timeout: 300_000 }, async (name, { annotate }) => {
    const { violation, ...figures } = await exploreCalls(callScenarios[name]);
    await annotate(JSON.stringify(figures));
    expect(violation?.trace).toBeUndefined();
    expect(figures.rests).toBeGreaterThan(0);
  });
});
