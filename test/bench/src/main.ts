// Measures mmfbus and what people would use instead, in one run, and prints the ratios.
import { writeFileSync } from 'node:fs';
import { cpus, release, type } from 'node:os';
import { parseArgs } from 'node:util';
import { rows } from './rows.js';
import { type Summary, summarise } from './statistics.js';
import { type Scale, type Subject, subjects } from './subjects.js';

const HELP = `Usage: npm run bench -- [options]

Measures mmfbus and its peers, each several times and in turns, and prints medians, spreads
and ratios. Let the machine do nothing else meanwhile.

  --quick          a tenth of the messages, three rounds: under a minute
  --rounds <n>     how often each is measured, 5 unless told otherwise
  --only <text>    only what has this text in its name
  --json <file>    writes what was measured to that file
  --help           print this`;

interface Options {
  readonly rounds: number;
  readonly scale: Scale;
  readonly only: string;
  readonly json: string | undefined;
}

function readOptions(): Options | undefined {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      only: { type: 'string', default: '' },
      json: { type: 'string' },
      help: { type: 'boolean', default: false, short: 'h' },
    },
  });
  if (values.help) {
    console.log(HELP);
    return undefined;
  }
  const rounds = Number(values.rounds ?? (values.quick ? 3 : 5));
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new Error(`--rounds takes a whole number from 1 on, not ${JSON.stringify(values.rounds)}`);
  }
  return { rounds, scale: { factor: values.quick ? 0.1 : 1 }, only: values.only, json: values.json };
}

interface Result extends Summary {
  readonly unit: Subject['unit'];
}

async function measureAll(options: Options, signal: AbortSignal): Promise<Map<string, Result>> {
  const { rounds, scale, only } = options;
  const chosen = [...subjects].filter(([name]) => name.includes(only));
  const values = new Map<string, number[]>(chosen.map(([name]) => [name, []]));
  for (let round = 1; round <= rounds; round++) {
    for (const [name, subject] of chosen) {
      process.stderr.write(`\r\u001b[Kround ${round} of ${rounds}: ${name}`);
      values.get(name)?.push(await subject.measure(signal, scale));
    }
  }
  process.stderr.write('\r\u001b[K');
  return new Map(chosen.map(([name, { unit }]) => [name, { unit, ...summarise(values.get(name) ?? []) }]));
}

function format(value: number, unit: string): string {
  if (unit === 'ns' && value >= 10_000) return `${(value / 1000).toFixed(1)} µs`;
  if (unit === 'messages/s') return `${Math.round(value).toLocaleString('en')} /s`;
  return `${value < 10 ? value.toFixed(2) : Math.round(value).toLocaleString('en')} ${unit}`;
}

function printTable(lines: readonly (readonly string[])[]): void {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((line) => (line[column] ?? '').length)),
  );
  for (const line of lines) {
    const cells = line.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
    );
    console.log(cells.join('  ').trimEnd());
  }
}

function printSubjects(results: Map<string, Result>): void {
  const lines = [...results].map(([name, { unit, median, least, most }]) => [
    name,
    format(median, unit),
    format(least, unit),
    format(most, unit),
  ]);
  printTable([['', 'median', 'least', 'most'], ...lines]);
}

function printRows(results: Map<string, Result>): void {
  const lines = rows.flatMap((row) => {
    const medians = row.of.map((name) => results.get(name)?.median);
    if (medians.includes(undefined)) return [];
    const value = row.value(...(medians as number[]));
    const reaches = (limit: number) => (row.larger ? value >= limit : value <= limit);
    const verdict = reaches(row.goal) ? 'goal' : reaches(row.least) ? 'least' : 'MISSED';
    return [[row.title, row.format(row.goal), row.format(row.least), row.format(value), verdict]];
  });
  printTable([['', 'goal', 'least', 'measured', ''], ...lines]);
}

const options = readOptions();
if (options !== undefined) {
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort(new Error('interrupted')));
  const machine = `${cpus()[0]?.model.trim() ?? 'unknown'}, ${cpus().length} cores, ${type()} ${release()}, Node ${process.versions.node}`;
  console.log(`${machine}\n`);
  const results = await measureAll(options, interrupted.signal);
  printSubjects(results);
  console.log();
  printRows(results);
  if (options.json !== undefined) {
    const measured = { machine, date: new Date().toISOString(), results: Object.fromEntries(results) };
    writeFileSync(options.json, `${JSON.stringify(measured, undefined, 2)}\n`);
  }
}
