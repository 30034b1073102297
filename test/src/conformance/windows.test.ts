import { describe, test } from 'vitest';
import { languageOf } from './agents.js';
import { runScenario } from './run.js';
import { scenarios } from './scenarios.js';

// The same as conformance.test.ts, with programs that were built before: Windows has no compiler.
const PAIRS = [
  ['c', 'node'],
  ['node', 'c'],
  ['c', 'c'],
] as const;

describe.runIf(process.platform === 'win32').each(PAIRS)('%s to %s', (publishing, subscribing) => {
  test.each(scenarios.filter(({ isShort, isPosix }) => isShort && isPosix !== true))(
    '$name',
    async (scenario) => {
      await runScenario(scenario, languageOf(publishing), languageOf(subscribing));
    },
  );
});
