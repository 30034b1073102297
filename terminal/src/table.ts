/** Options of {@link table}. */
export interface TableOptions {
  /** Stand above the columns, with a rule below them. Defaults to none. */
  readonly headings?: readonly string[];
  /** Indices of the columns that are flushed left, the others right. Defaults to the first. */
  readonly left?: readonly number[];
}

/** Draws rows of equal length below one another, each column as wide as its longest cell. */
export function table(
  rows: readonly (readonly string[])[],
  { headings, left = [0] }: TableOptions = {},
): string {
  const all = headings === undefined ? rows : [headings, ...rows];
  const widths = (all[0] ?? []).map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const lines = all.map((row) => tableRow(row, widths, left));
  if (headings !== undefined) lines.splice(1, 0, widths.map((width) => '-'.repeat(width)).join('  '));
  return lines.join('\n');
}

/**
 * Draws one row, for tables that are printed while their rows are still being made.
 *
 * @param left indices of the columns that are flushed left, the others right.
 */
export function tableRow(
  cells: readonly string[],
  widths: readonly number[],
  left: readonly number[],
): string {
  const padded = widths.map((width, column) => {
    const cell = cells[column] ?? '';
    return left.includes(column) ? cell.padEnd(width) : cell.padStart(width);
  });
  return padded.join('  ').trimEnd();
}
