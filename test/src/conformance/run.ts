import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import type { Language } from './agents.js';
import type { Scenario } from './scenarios.js';
import { Stage } from './stage.js';

const hasTools = process.platform === 'linux' && spawnSync('taskset', ['--version']).status === 0;

/** The language, kept to one processor and with less of a claim to it the nicer it is; as it is where that cannot be had. */
function keptTo(language: Language, processor: number, niceness: number): Language {
  if (!hasTools) return language;
  const prefix = ['nice', '-n', `${niceness}`, 'taskset', '-c', `${processor}`];
  return { ...language, command: [...prefix, ...language.command] };
}

/** The language, with so many descriptors at most. */
export function limitedTo(language: Language, descriptors: number | undefined): Language {
  if (descriptors === undefined || process.platform === 'win32') return language;
  const prefix = ['sh', '-c', `ulimit -n ${descriptors}; exec "$@"`, 'sh'];
  return { ...language, command: [...prefix, ...language.command] };
}

/**
 * Runs a scenario.
 *
 * @throws what it found.
 */
export async function runScenario(
  scenario: Scenario,
  publishing: Language,
  subscribing: Language,
): Promise<void> {
  const { isUneven = false, descriptors } = scenario;
  const languages = [publishing, subscribing].map((language) => limitedTo(language, descriptors));
  const [first, second] = languages as [Language, Language];
  const stage = isUneven
    ? new Stage(keptTo(first, 0, 0), keptTo(second, availableParallelism() - 1, 19))
    : new Stage(first, second);
  try {
    await scenario.run(stage);
    await stage.end();
  } finally {
    await stage.clear();
  }
}
