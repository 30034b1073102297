import { describe, expect, test } from 'vitest';
import { callingLanguageOf } from './calls/agents.js';
import { runCallScenario } from './calls/call-stage.js';
import { callScenarios } from './calls/scenarios.js';

/** The language that serves, and the one that calls. */
const PAIRS = [
  ['c-sanitized', 'c-sanitized'],
  ['c', 'node'],
  ['node', 'c'],
  ['node', 'node'],
  ['c-musl', 'c'],
  ['python', 'python'],
  ['python', 'node'],
  ['node', 'python'],
  ['python', 'c-sanitized'],
  ['c-sanitized', 'python'],
  ['rust', 'rust'],
  ['rust', 'node'],
  ['node', 'rust'],
  ['rust', 'c'],
  ['c', 'rust'],
  ['rust', 'python'],
  ['python', 'rust'],
] as const;

describe.each(PAIRS)('%s serves %s', (serving, calling) => {
  test.each(callScenarios)('$name', async (scenario) => {
    const languages = [callingLanguageOf(serving), callingLanguageOf(calling)] as const;
    await runCallScenario(scenario, ...languages);
  });
});

test('there is no agent for calls in a language without one', () => {
  expect(() => callingLanguageOf('cobol')).toThrow('There is no agent for calls in cobol');
});
