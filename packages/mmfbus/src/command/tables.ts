import { table } from '@mmfbus/terminal';
import type { Output } from './output.js';
import { fit } from './top/fit.js';

/** A column of a table: its heading, and whether its cells are flushed left. */
export interface Column {
  readonly heading: string;
  readonly isLeft?: boolean;
}

/** Columns of a terminal that the last cell has at least, where it is cut. */
const LEAST_LAST = 8;

/** Draws rows below their headings; in bold on a terminal. There, a last column that is flushed left is cut where it does not fit. */
export function drawTable(
  out: Output,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string {
  const left = columns.flatMap(({ isLeft }, index) => (isLeft === true ? [index] : []));
  const all = [columns.map(({ heading }) => heading), ...rows];
  const lines = table(all, { left }).split('\n');
  const last = columns.length - 1;
  const longest = Math.max(...all.map((row) => row[last]?.length ?? 0));
  const before = Math.max(...lines.map(({ length }) => length)) - longest;
  const isCut = out.isTerminal && left.includes(last) && before + LEAST_LAST <= out.columns;
  const [headings = '', ...rest] = isCut ? lines.map((line) => fit(line, out.columns).trimEnd()) : lines;
  return [out.style('bold', headings), ...rest].join('\n');
}
