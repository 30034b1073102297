const THOUSAND = 1000;
const MILLION = 1_000_000;

/** A number of things a second, with three digits: `6.54 M`. */
export function formatRate(value: number): string {
  if (value >= THOUSAND * MILLION) return `${Number((value / THOUSAND / MILLION).toPrecision(3))} G`;
  if (value >= MILLION) return `${Number((value / MILLION).toPrecision(3))} M`;
  return value >= THOUSAND ? `${Number((value / THOUSAND).toPrecision(3))} k` : String(Math.round(value));
}

/** Nanoseconds as microseconds, with two digits: `2.8 µs`. */
export function formatMicroseconds(nanoseconds: number): string {
  return `${Number((nanoseconds / THOUSAND).toPrecision(2))} µs`;
}
