import { describe, expect, test } from 'vitest';
import { languageOf } from './agents.js';
import { runScenario } from './run.js';
import { scenarios } from './scenarios.js';

/** Publisher and subscriber. All pairs of all languages are what `npm run conformance` runs. */
const PAIRS = [
  ['c-sanitized', 'node'],
  ['node', 'c-sanitized'],
  ['c-sanitized', 'c'],
  ['c-musl', 'node'],
  ['node', 'c-musl'],
  ['python', 'node'],
  ['node', 'python'],
  ['c', 'python'],
  ['rust', 'node'],
  ['node', 'rust'],
  ['rust', 'c'],
  ['python', 'rust'],
  ['python', 'c'],
] as const;

describe.each(PAIRS)('%s to %s', (publishing, subscribing) => {
  test.each(scenarios.filter(({ isShort }) => isShort))('$name', async (scenario) => {
    await runScenario(scenario, languageOf(publishing), languageOf(subscribing));
  });
});

test('there is no agent for a language without one', () => {
  expect(() => languageOf('cobol')).toThrow('There is no agent for cobol');
});
