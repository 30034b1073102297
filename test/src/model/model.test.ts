import { describe, expect, it } from 'vitest';
import { explore } from './explore.js';
import { type ScenarioName, scenarios } from './scenarios.js';

/** More interruptions than the scenarios allow, for a machine and an evening with nothing else to do. */
const MORE = Number(process.env['MMFBUS_MODEL_MORE'] ?? 0);
const names = Object.keys(scenarios) as ScenarioName[];

describe('the channel keeps its invariants in every order of', () => {
  it.for(names)('%s', { timeout: MORE > 0 ? 0 : 120_000 }, async (name, { annotate }) => {
    const scenario = scenarios[name];
    const { interruptions } = scenario;
    const bounds = interruptions === undefined ? {} : { interruptions: interruptions + MORE };
    const { violation, ...figures } = await explore({ ...scenario, ...bounds });
    await annotate(JSON.stringify({ ...bounds, ...figures }));
    expect(violation?.trace).toBeUndefined();
    expect(figures.rests).toBeGreaterThan(0);
  });
});
