import { table } from '@mmfbus/terminal';
import type { Output } from './output.js';
import { fit } from './top/fit.js';

/** A column of a table: its heading, and whether its cells are flushed left. */
export interface Column {
  readonly heading: string;
  readonly isLeft?: boolean;
}

/** Characters between two columns, and those of a column that is cut at least. */
const BETWEEN = 2;
const LEAST_WIDTH = 8;

/** Draws rows below their headings; in bold on a terminal. There, the widest columns that are flushed left are cut until the table fits. */
export function drawTable(
  out: Output,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string {
  const left = columns.flatMap(({ isLeft }, index) => (isLeft === true ? [index] : []));
  const all = [columns.map(({ heading }) => heading), ...rows];
  const shown = out.isTerminal ? cutToFit(all, left, out.columns) : all;
  const [headings = '', ...rest] = table(shown, { left }).split('\n');
  return [out.style('bold', headings), ...rest].join('\n');
}

function cutToFit(
  rows: readonly (readonly string[])[],
  left: readonly number[],
  room: number,
): readonly (readonly string[])[] {
  const widthOf = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  const widths = (rows[0] ?? []).map((_, column) => widthOf(column));
  let excess = widths.reduce((sum, width) => sum + width + BETWEEN, -BETWEEN) - room;
  const widest = () => left.toSorted((a, b) => (widths[b] ?? 0) - (widths[a] ?? 0))[0];
  for (let column = widest(); excess > 0 && column !== undefined; excess--, column = widest()) {
    const width = widths[column] ?? 0;
    if (width <= LEAST_WIDTH) break;
    widths[column] = width - 1;
  }
  const cut = (cell: string, column: number) => {
    const width = widths[column] ?? 0;
    return left.includes(column) && cell.length > width ? fit(cell, width) : cell;
  };
  return rows.map((row) => row.map(cut));
}
