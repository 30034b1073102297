import { printable as visible } from '../../../../terminal/src/printable.js';

export { printable as visible } from '../../../../terminal/src/printable.js';
export { age, bytes, count, duration, rate } from '../../src/command/units.js';

/** A time of today, as `14:03:07`. */
export function clock(milliseconds: number): string {
  return new Date(milliseconds).toLocaleTimeString('en-GB');
}

/** The same with milliseconds. */
export function exactClock(milliseconds: number): string {
  const date = new Date(milliseconds);
  return `${date.toLocaleTimeString('en-GB')}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** A time as it was published, as short as it can be: without its day where that is today. */
export function shortTime(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso;
  return date.toDateString() === new Date().toDateString() ? exactClock(date.getTime()) : iso;
}

/** A part of a whole, as `42 %`. */
export function percent(part: number): string {
  if (part > 0 && part < 0.01) return '< 1 %';
  return `${Math.round(part * 100)} %`;
}

/** `1 channel`, `2 channels`. */
export function plural(number: number, noun: string): string {
  return `${number.toLocaleString('en-US')} ${noun}${number === 1 ? '' : 's'}`;
}

/** What a participant is called, in one line: its own name, else its program, else its process. */
export function nameOf({ name, program, pid }: { name: string; program: string; pid: number }): string {
  return visible(name || program || (pid > 0 ? `process ${pid}` : 'unnamed'));
}
