import { describe, expect, test } from 'vitest';
import { callingLanguageOf } from './calls/agents.js';
import { runCallScenario } from './calls/call-stage.js';
import { deathScenarios } from './calls/deaths.js';
import { callScenarios } from './calls/scenarios.js';

/** The language that serves, and the one that calls. All pairs with all scenarios are what `npm run conformance` runs. */
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

const withoutDeaths = callScenarios.filter((scenario) => !deathScenarios.includes(scenario));

describe.each(PAIRS)('%s serves %s', (serving, calling) => {
  // How a language takes the deaths of others is seen with Node, and with itself.
  const hasDeaths = serving === calling || serving === 'node' || calling === 'node';
  test.each(hasDeaths ? callScenarios : withoutDeaths)('$name', async (scenario) => {
    const languages = [callingLanguageOf(serving), callingLanguageOf(calling)] as const;
    await runCallScenario(scenario, ...languages);
  });
});

test('there is no agent for calls in a language without one', () => {
  expect(() => callingLanguageOf('cobol')).toThrow('There is no agent for calls in cobol');
});
