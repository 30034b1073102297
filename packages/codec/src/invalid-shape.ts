import { CodecError } from './errors.js';
import { describeValue, shownText } from './shape/mismatch.js';

/** The error for a shape, a schema or an option that cannot be used. */
export function invalidShape(message: string): CodecError {
  return new CodecError('INVALID_SHAPE', message);
}

/** Refuses what is no whole number from `least` to `most`. */
export function requireWhole(what: string, value: unknown, least: number, most: number): void {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most) return;
  // Of other values not even their text is taken: they may come from anywhere.
  const actual = typeof value === 'number' ? String(value) : describeValue(value);
  throw invalidShape(`${what} must be a whole number from ${least} to ${most}, not ${actual}`);
}

/** Refuses a name that no field, tag or value can have. */
export function requireName(what: string, name: unknown): asserts name is string {
  if (typeof name !== 'string') throw invalidShape(`${what} must be a string, not ${typeof name}`);
  if (name === '__proto__') throw invalidShape(`${what} cannot be "__proto__"`);
  requireText(what, name);
}

/** Refuses a string that has no UTF-8. */
export function requireText(what: string, text: string): void {
  // TypeScript knows isWellFormed from ES2024 on, Node from 20 on.
  if ((text as string & { isWellFormed(): boolean }).isWellFormed()) return;
  throw invalidShape(`${what} has a lone surrogate: ${shownText(text)}`);
}

/** A limit that was given, or what holds without one. */
export function checkLimit(what: string, value: number | undefined, byDefault: number, most: number): number {
  if (value === undefined) return byDefault;
  requireWhole(what, value, 1, most);
  return value;
}
