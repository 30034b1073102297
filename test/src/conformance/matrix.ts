// `npm run conformance`: every scenario with every pair of languages, and the matrix of what passed.
import { parseArgs } from 'node:util';
import { MissingTool } from '../support/tools.js';
import { type Language, languageNames, languageOf } from './agents.js';
import { runScenario } from './run.js';
import { type Scenario, scenarios } from './scenarios.js';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { scenario: { type: 'string' }, short: { type: 'boolean', default: false } },
});

/** Those that were asked for, as far as this machine can run them. */
function languages(): Language[] {
  const wanted = positionals.length > 0 ? positionals : languageNames;
  return wanted.flatMap((name) => {
    try {
      return [languageOf(name)];
    } catch (error) {
      if (!(error instanceof MissingTool)) throw error;
      console.log(`${name}: ${error.message}`);
      return [];
    }
  });
}

function isWanted({ name, isShort }: Scenario): boolean {
  return (!values.short || isShort) && name.includes(values.scenario ?? '');
}

/** Wine itself needs more descriptors than such a scenario leaves. */
function canRun({ descriptors }: Scenario, { world }: Language): boolean {
  return descriptors === undefined || world === 'native';
}

const all = languages();
const pairs = all.flatMap((publishing) =>
  all
    .filter((subscribing) => subscribing.world === publishing.world)
    .map((subscribing) => ({ publishing, subscribing, name: `${publishing.name}>${subscribing.name}` })),
);
const wanted = scenarios.filter(isWanted);
const width = Math.max(...wanted.map(({ name }) => name.length)) + 2;
const failures: string[] = [];

console.log(`\n${'publisher > subscriber'.padEnd(width)}${pairs.map(({ name }) => name).join('  ')}`);
for (const scenario of wanted) {
  process.stdout.write(scenario.name.padEnd(width));
  for (const { publishing, subscribing, name } of pairs) {
    let result = 'ok';
    try {
      if (canRun(scenario, publishing)) await runScenario(scenario, publishing, subscribing);
      else result = '-';
    } catch (error) {
      result = 'FAILED';
      failures.push(`${scenario.name}, ${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
    process.stdout.write(`${result.padEnd(name.length)}  `);
  }
  process.stdout.write('\n');
}
for (const failure of failures) console.error(`\n${failure}`);
console.log(`\n${wanted.length * pairs.length - failures.length} passed, ${failures.length} failed`);
process.exitCode = failures.length > 0 ? 1 : 0;
