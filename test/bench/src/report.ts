import { table } from '@mmfbus/terminal';
import type { Result, Results } from './results.js';
import type { Outcome } from './rows.js';

/** A number of that unit, for people. */
function formatValue(value: number, unit: Result['unit']): string {
  if (unit === 'ns' && value >= 10_000) return `${(value / 1000).toFixed(1)} µs`;
  if (unit === 'messages/s' || unit === 'calls/s') return `${Math.round(value).toLocaleString('en')} /s`;
  if (unit === 'bytes') return `${(value / 2 ** 20).toFixed(2)} MiB`;
  return `${value < 10 ? value.toFixed(2) : Math.round(value).toLocaleString('en')} ${unit}`;
}

function printValues(results: Results['results']): void {
  const lines = Object.entries(results).map(([name, { unit, median, least, most, runs }]) => [
    name,
    ...[median, least, most].map((value) => formatValue(value, unit)),
    String(runs),
  ]);
  console.log(table(lines, { headings: ['', 'median', 'least', 'most', 'runs'] }));
}

function printGoals(goals: readonly Outcome[]): void {
  const lines = goals.map(({ title, goal, least, measured, reached }) => {
    return [title, goal, least, measured, reached];
  });
  console.log(table(lines, { headings: ['', 'goal', 'least', 'measured', 'reached'] }));
}

/** Prints everything. */
export function printResults({ results, goals, longRun }: Results): void {
  printValues(results);
  if (goals.length === 0) return;
  console.log();
  printGoals(goals);
  if ('growth, heap' in results) {
    console.log(`\nThe memory was looked at after ${longRun.toLocaleString('en')} messages.`);
  }
}
