// `npm run conformance`: every scenario with every pair of languages, of channels and of calls, and the matrix of what passed.
import { type CommandLine, runCommand, tableRow, UsageError } from '@mmfbus/terminal';
import { MissingTool } from '../support/tools.js';
import { type Language, languageNames, languageOf } from './agents.js';
import { callingLanguageNames, callingLanguageOf } from './calls/agents.js';
import { runCallScenario } from './calls/call-stage.js';
import { callScenarios } from './calls/scenarios.js';
import { runScenario } from './run.js';
import { type Scenario, scenarios } from './scenarios.js';

const HELP = `Usage: npm run conformance -- [languages] [options]

Runs every scenario with every pair of languages, for channels one publishing and the other
subscribing, for calls one serving and the other calling, and prints the matrices of what passed.
The exit status is 1 when a scenario failed.

  languages           some of ${languageNames.join(', ')}; all that this machine
                      can run unless told otherwise
  --scenario <text>   only scenarios with this text in their name
  --short             only short scenarios
  --help              print this`;

const options = {
  scenario: { type: 'string', default: '' },
  short: { type: 'boolean', default: false },
} as const;

/** A scenario, ready to run with two languages. */
interface Trial {
  readonly name: string;
  readonly isShort: boolean;
  canRun(language: Language): boolean;
  run(first: Language, second: Language): Promise<void>;
}

/** The scenarios of one part of the protocol, and the languages that have agents for it. */
interface Kit {
  /** What the two languages are to each other. */
  readonly roles: string;
  readonly names: readonly string[];
  readonly trials: readonly Trial[];
  languageOf(name: string): Language;
}

/** Wine itself needs more descriptors than such a scenario leaves, and does not share memory with this process. */
function canRun({ descriptors, opensMemory }: Scenario, { world }: Language): boolean {
  return (descriptors === undefined && opensMemory !== true) || world === 'native';
}

const CHANNELS: Kit = {
  roles: 'publisher > subscriber',
  names: languageNames,
  trials: scenarios.map((scenario) => ({
    name: scenario.name,
    isShort: scenario.isShort,
    canRun: (language) => canRun(scenario, language),
    run: (publishing, subscribing) => runScenario(scenario, publishing, subscribing),
  })),
  languageOf,
};

const CALLS: Kit = {
  roles: 'server > caller',
  names: callingLanguageNames,
  trials: callScenarios.map((scenario) => ({
    name: scenario.name,
    isShort: true,
    canRun: () => true,
    run: (serving, calling) => runCallScenario(scenario, serving, calling),
  })),
  languageOf: callingLanguageOf,
};

/** Those that were asked for, as far as this machine can run them. */
function languagesOf(kit: Kit, names: readonly string[]): Language[] {
  const wanted = names.length > 0 ? kit.names.filter((name) => names.includes(name)) : kit.names;
  return wanted.flatMap((name) => {
    try {
      return [kit.languageOf(name)];
    } catch (error) {
      if (!(error instanceof MissingTool)) throw error;
      console.log(`${name}: ${error.message}`);
      return [];
    }
  });
}

interface Result {
  readonly passed: number;
  readonly failures: readonly string[];
}

/** Runs those scenarios with every pair of those languages, and prints the matrix. */
async function runKit(
  { roles }: Kit,
  trials: readonly Trial[],
  languages: readonly Language[],
): Promise<Result> {
  const pairs = languages.flatMap((first) =>
    languages
      .filter((second) => second.world === first.world)
      .map((second) => ({ first, second, name: `${first.name}>${second.name}` })),
  );
  const columns = [roles, ...pairs.map(({ name }) => name)];
  const widths = columns.map(({ length }) => length);
  widths[0] = Math.max(widths[0] ?? 0, ...trials.map(({ name }) => name.length));
  const left = columns.map((_, column) => column);
  const failures: string[] = [];
  let passed = 0;

  console.log(`\n${tableRow(columns, widths, left)}`);
  for (const trial of trials) {
    const cells = [trial.name];
    for (const { first, second, name } of pairs) {
      try {
        if (trial.canRun(first)) {
          await trial.run(first, second);
          passed++;
          cells.push('ok');
        } else {
          cells.push('-');
        }
      } catch (error) {
        cells.push('FAILED');
        failures.push(`${trial.name}, ${name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    console.log(tableRow(cells, widths, left));
  }
  return { passed, failures };
}

async function main({ values, positionals }: CommandLine<typeof options>): Promise<number> {
  const unknown = positionals.find((name) => !languageNames.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`there is no language ${JSON.stringify(unknown)}: ${languageNames.join(', ')}`);
  }
  const failures: string[] = [];
  let passed = 0;
  for (const kit of [CHANNELS, CALLS]) {
    const trials = kit.trials.filter(
      ({ name, isShort }) => (!values.short || isShort) && name.includes(values.scenario),
    );
    if (trials.length === 0) continue;
    const result = await runKit(kit, trials, languagesOf(kit, positionals));
    passed += result.passed;
    failures.push(...result.failures);
  }
  for (const failure of failures) console.error(`\n${failure}`);
  console.log(`\n${passed} passed, ${failures.length} failed`);
  return failures.length > 0 ? 1 : 0;
}

await runCommand({ name: 'conformance', help: HELP, options, allowPositionals: true }, main);
