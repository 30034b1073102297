const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** A whole number with its thousands set apart. */
export function count(value: number | bigint): string {
  return whole.format(value);
}

/** A count and what is counted: `1 channel`, `2 channels`. */
export function plural(value: number, what: string): string {
  return `${count(value)} ${what}${value === 1 ? '' : 's'}`;
}

/** Three digits at least: `0.12`, `3.4`, `56`, `789`. */
function digits(value: number): string {
  return value >= 100 || Number.isInteger(value) ? whole.format(value) : value.toPrecision(value < 1 ? 2 : 3);
}

/** Bytes, as `8 MiB`. */
export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  let rest = value;
  while (rest >= 1024 && unit < units.length - 1) {
    rest /= 1024;
    unit++;
  }
  return `${digits(rest)} ${units[unit]}`;
}

/** Messages a second, as `20.0k/s`. */
export function rate(value: number): string {
  if (value >= 1e6) return `${digits(value / 1e6)}M/s`;
  return value >= 1e4
    ? `${digits(value / 1e3)}k/s`
    : `${value >= 100 ? whole.format(value) : digits(value)}/s`;
}

/** A length of time in nanoseconds, as `12.3 µs`. */
export function duration(nanoseconds: number): string {
  if (nanoseconds < 1e3) return `${digits(Math.round(nanoseconds))} ns`;
  if (nanoseconds < 1e6) return `${digits(nanoseconds / 1e3)} µs`;
  if (nanoseconds < 1e9) return `${digits(nanoseconds / 1e6)} ms`;
  return `${digits(nanoseconds / 1e9)} s`;
}

/** How long ago something was, in whole units: `3 min`. */
export function age(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${count(Math.floor(seconds / 86_400))} d`;
}
