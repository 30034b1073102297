// Draws what `npm run bench -- --json docs/bench/results.json` has measured, and writes the tables of it in three documents.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from '@mmfbus/terminal';
import type { Results } from '../results.js';
import { charts, imagesOfCalls } from './charts.js';
import { type RealResults, withRealGoals, withRealMessages } from './real-tables.js';
import { withCalls, withComparison, withGoals } from './table.js';

const HELP = `Usage: npm run bench:charts -- [options]

Draws the charts of docs/bench, and writes the comparison in README.md and docs/comparison.md, the
table of goals in docs/performance.md, and the calls in it and README.md, from docs/bench/results.json, which comes
from "npm run bench -- --json docs/bench/results.json". Messages as programs have them come from files
docs/bench/real-node-<version>.json, which "npm run bench -- --only real --node <path> --json <file>" writes.

  --from <file>         another file of results
  --real <folder>       another folder with files real-node-<version>.json
  --to <folder>         another folder for the charts
  --readme <file>       another file with places for the comparison and the calls
  --comparison <file>   another file with a place for it, instead of docs/comparison.md
  --performance <file>  another file with places for the table of goals and the calls
  --help                print this`;

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const folder = join(root, 'docs', 'bench');
const options = {
  from: { type: 'string', default: join(folder, 'results.json') },
  real: { type: 'string', default: folder },
  to: { type: 'string', default: folder },
  readme: { type: 'string', default: join(root, 'README.md') },
  comparison: { type: 'string', default: join(root, 'docs', 'comparison.md') },
  performance: { type: 'string', default: join(root, 'docs', 'performance.md') },
} as const;

/** Lines above the table of calls in the README. */
const LEAD = ['Calls from one process to another: a quote there, and a number back.', ''];

const REAL = /^real-node-(\d+)\.json$/;

/** What was measured with each Node, the oldest first. */
function realResults(from: string): readonly RealResults[] {
  const runs = readdirSync(from).flatMap((name) => {
    const node = REAL.exec(name)?.[1];
    if (node === undefined) return [];
    return [{ ...(JSON.parse(readFileSync(join(from, name), 'utf8')) as Results), node: Number(node) }];
  });
  return runs.sort((a, b) => a.node - b.node);
}

/** The tables of what was measured with each Node, where anything was. */
function writeReal(runs: readonly RealResults[], readme: string, performance: string): void {
  const oldest = runs[0];
  if (oldest === undefined) return;
  write(readme, withRealMessages(readFileSync(readme, 'utf8'), oldest));
  write(performance, withRealGoals(readFileSync(performance, 'utf8'), runs));
}

function write(path: string, content: string): void {
  writeFileSync(path, content);
  console.log(path);
}

await runCommand({ name: 'charts', help: HELP, options }, ({ values }) => {
  const results = JSON.parse(readFileSync(values.from, 'utf8')) as Results;
  for (const [name, drawing] of Object.entries(charts(results))) write(join(values.to, name), drawing);
  const read = (path: string) => readFileSync(path, 'utf8');
  write(values.readme, withCalls(withComparison(read(values.readme), results), results, LEAD));
  write(values.comparison, withComparison(read(values.comparison), results));
  write(values.performance, withCalls(withGoals(read(values.performance), results), results, imagesOfCalls));
  writeReal(realResults(values.real), values.readme, values.performance);
  return 0;
});
