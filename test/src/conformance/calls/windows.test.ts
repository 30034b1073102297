import { describe, test } from 'vitest';
import { callingLanguageOf } from './agents.js';
import { runCallScenario } from './call-stage.js';
import { callScenarios } from './scenarios.js';

/** As in calls.test.ts, the language that serves and the one that calls; C was compiled before. */
const PAIRS = [
  ['c', 'node'],
  ['node', 'c'],
] as const;

describe.runIf(process.platform === 'win32').each(PAIRS)('%s serves %s', (serving, calling) => {
  test.each(callScenarios.filter(({ isPosix }) => isPosix !== true))('$name', async (scenario) => {
    const languages = [callingLanguageOf(serving), callingLanguageOf(calling)] as const;
    await runCallScenario(scenario, ...languages);
  });
});
