import type { Language } from './agents.js';
import type { Scenario } from './scenarios.js';
import { Stage } from './stage.js';

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
  const stage = new Stage(publishing, subscribing);
  try {
    await scenario.run(stage);
    await stage.end();
  } finally {
    await stage.clear();
  }
}
