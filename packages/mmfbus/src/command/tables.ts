import { table } from '@mmfbus/terminal';
import type { Output } from './output.js';

/** A column of a table: its heading, and whether its cells are flushed left. */
export interface Column {
  readonly heading: string;
  readonly isLeft?: boolean;
}

/** Draws rows below their headings; in bold on a terminal. */
export function drawTable(
  out: Output,
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string {
  const left = columns.flatMap(({ isLeft }, index) => (isLeft === true ? [index] : []));
  const [headings = '', ...rest] = table([columns.map(({ heading }) => heading), ...rows], { left }).split(
    '\n',
  );
  return [out.style('bold', headings), ...rest].join('\n');
}
