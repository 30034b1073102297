/** A count with thousands separated: `231,083`. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** A duration in the unit that suits it: `12.3 µs`, `4.56 ms`. */
export function duration(nanoseconds: number): string {
  if (nanoseconds < 1e6) return `${(nanoseconds / 1e3).toPrecision(3)} µs`;
  if (nanoseconds < 1e9) return `${(nanoseconds / 1e6).toPrecision(3)} ms`;
  return `${(nanoseconds / 1e9).toFixed(2)} s`;
}

/** How many a second; 0 when there was no time. */
export function rate(items: number, seconds: number): number {
  return seconds > 0 ? items / seconds : 0;
}
