import { count } from './units.js';

const BAR_WIDTH = 44;

/** One line of a histogram. */
export interface Bar {
  readonly label: string;
  readonly value: number;
}

/** Draws bars in proportion to their values, the longest one over the full width, and the values behind them. */
export function histogram(bars: readonly Bar[]): string {
  const largest = Math.max(1, ...bars.map(({ value }) => value));
  const labelWidth = Math.max(0, ...bars.map(({ label }) => label.length));
  const lines = bars.map(({ label, value }) => {
    // What is there at all is seen.
    const length = value === 0 ? 0 : Math.max(1, Math.round((value / largest) * BAR_WIDTH));
    return `  ${label.padStart(labelWidth)} |${'#'.repeat(length)} ${count(value)}`;
  });
  return lines.join('\n');
}
