// Draws what `npm run bench -- --json docs/bench/results.json` has measured, and puts the table of goals into the README.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from '@mmfbus/terminal';
import type { Results } from '../results.js';
import { charts } from './charts.js';
import { withGoals } from './table.js';

const HELP = `Usage: npm run bench:charts -- [options]

Draws the charts of docs/bench, and writes the table of goals into README.md, from
docs/bench/results.json, which comes from "npm run bench -- --json docs/bench/results.json".

  --from <file>    another file of results
  --to <folder>    another folder for the charts
  --readme <file>  another file with a place for the table
  --help           print this`;

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const folder = join(root, 'docs', 'bench');
const options = {
  from: { type: 'string', default: join(folder, 'results.json') },
  to: { type: 'string', default: folder },
  readme: { type: 'string', default: join(root, 'README.md') },
} as const;

function write(path: string, content: string): void {
  writeFileSync(path, content);
  console.log(path);
}

await runCommand({ name: 'charts', help: HELP, options }, ({ values }) => {
  const results = JSON.parse(readFileSync(values.from, 'utf8')) as Results;
  for (const [name, drawing] of Object.entries(charts(results))) write(join(values.to, name), drawing);
  write(values.readme, withGoals(readFileSync(values.readme, 'utf8'), results));
  return 0;
});
