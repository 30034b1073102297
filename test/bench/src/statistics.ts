/** The value below which that part of the sorted values lies. */
export function percentile(sorted: readonly number[], part: number): number {
  const index = Math.min(sorted.length - 1, Math.floor(part * sorted.length));
  return sorted[index] ?? Number.NaN;
}

/** A copy in ascending order. */
export function ascending(values: readonly number[]): number[] {
  return [...values].sort((a, b) => a - b);
}

/** What several runs of one measurement gave. */
export interface Summary {
  readonly median: number;
  readonly least: number;
  readonly most: number;
  readonly runs: number;
}

export function summarise(values: readonly number[]): Summary {
  const sorted = ascending(values);
  return {
    median: percentile(sorted, 0.5),
    least: percentile(sorted, 0),
    most: percentile(sorted, 1),
    runs: sorted.length,
  };
}
