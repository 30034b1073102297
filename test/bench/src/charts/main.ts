// Draws what `npm run bench -- --json docs/bench/results.json` has measured, and writes the tables of it in three documents.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from '@mmfbus/terminal';
import type { Results } from '../results.js';
import { charts } from './charts.js';
import { withComparison, withGoals } from './table.js';

const HELP = `Usage: npm run bench:charts -- [options]

Draws the charts of docs/bench, and writes the comparison in README.md and docs/comparison.md, and
the table of goals in docs/performance.md, from docs/bench/results.json, which comes from "npm run bench -- --json docs/bench/results.json".

  --from <file>         another file of results
  --to <folder>         another folder for the charts
  --readme <file>       another file with a place for the comparison
  --comparison <file>   another file with a place for it, instead of docs/comparison.md
  --performance <file>  another file with a place for the table of goals
  --help                print this`;

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const folder = join(root, 'docs', 'bench');
const options = {
  from: { type: 'string', default: join(folder, 'results.json') },
  to: { type: 'string', default: folder },
  readme: { type: 'string', default: join(root, 'README.md') },
  comparison: { type: 'string', default: join(root, 'docs', 'comparison.md') },
  performance: { type: 'string', default: join(root, 'docs', 'performance.md') },
} as const;

function write(path: string, content: string): void {
  writeFileSync(path, content);
  console.log(path);
}

await runCommand({ name: 'charts', help: HELP, options }, ({ values }) => {
  const results = JSON.parse(readFileSync(values.from, 'utf8')) as Results;
  for (const [name, drawing] of Object.entries(charts(results))) write(join(values.to, name), drawing);
  for (const path of [values.readme, values.comparison])
    write(path, withComparison(readFileSync(path, 'utf8'), results));
  write(values.performance, withGoals(readFileSync(values.performance, 'utf8'), results));
  return 0;
});
