// `npm run conformance`: every scenario with every pair of languages, and the matrix of what passed.
import { type CommandLine, runCommand, tableRow, UsageError } from '@mmfbus/terminal';
import { MissingTool } from '../support/tools.js';
import { type Language, languageNames, languageOf } from './agents.js';
import { runScenario } from './run.js';
import { type Scenario, scenarios } from './scenarios.js';

const HELP = `Usage: npm run conformance -- [languages] [options]

Runs every scenario with every pair of languages, one publishing and the other subscribing, and
prints the matrix of what passed. The exit status is 1 when a scenario failed.

  languages           some of ${languageNames.join(', ')}; all that this machine
                      can run unless told otherwise
  --scenario <text>   only scenarios with this text in their name
  --short             only short scenarios
  --help              print this`;

const options = {
  scenario: { type: 'string', default: '' },
  short: { type: 'boolean', default: false },
} as const;

/** Those that were asked for, as far as this machine can run them. */
function languages(names: readonly string[]): Language[] {
  const unknown = names.find((name) => !languageNames.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`there is no language ${JSON.stringify(unknown)}: ${languageNames.join(', ')}`);
  }
  return (names.length > 0 ? names : languageNames).flatMap((name) => {
    try {
      return [languageOf(name)];
    } catch (error) {
      if (!(error instanceof MissingTool)) throw error;
      console.log(`${name}: ${error.message}`);
      return [];
    }
  });
}

/** Wine itself needs more descriptors than such a scenario leaves, and does not share memory with this process. */
function canRun({ descriptors, opensMemory }: Scenario, { world }: Language): boolean {
  return (descriptors === undefined && opensMemory !== true) || world === 'native';
}

async function main({ values, positionals }: CommandLine<typeof options>): Promise<number> {
  const all = languages(positionals);
  const pairs = all.flatMap((publishing) =>
    all
      .filter((subscribing) => subscribing.world === publishing.world)
      .map((subscribing) => ({ publishing, subscribing, name: `${publishing.name}>${subscribing.name}` })),
  );
  const wanted = scenarios.filter(
    ({ name, isShort }) => (!values.short || isShort) && name.includes(values.scenario),
  );
  const columns = ['publisher > subscriber', ...pairs.map(({ name }) => name)];
  const widths = columns.map(({ length }) => length);
  widths[0] = Math.max(widths[0] ?? 0, ...wanted.map(({ name }) => name.length));
  const left = columns.map((_, column) => column);
  const failures: string[] = [];
  let passed = 0;

  console.log(`\n${tableRow(columns, widths, left)}`);
  for (const scenario of wanted) {
    const cells = [scenario.name];
    for (const { publishing, subscribing, name } of pairs) {
      try {
        if (canRun(scenario, publishing)) {
          await runScenario(scenario, publishing, subscribing);
          passed++;
          cells.push('ok');
        } else {
          cells.push('-');
        }
      } catch (error) {
        cells.push('FAILED');
        failures.push(`${scenario.name}, ${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    console.log(tableRow(cells, widths, left));
  }
  for (const failure of failures) console.error(`\n${failure}`);
  console.log(`\n${passed} passed, ${failures.length} failed`);
  return failures.length > 0 ? 1 : 0;
}

await runCommand({ name: 'conformance', help: HELP, options, allowPositionals: true }, main);
