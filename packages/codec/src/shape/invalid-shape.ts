import { CodecError } from '../errors.js';

/** The error for a shape, a schema or an option that cannot be used. */
export function invalidShape(message: string): CodecError {
  return new CodecError('INVALID_SHAPE', message);
}

/** Refuses what is no whole number from `least` to `most`. */
export function requireWhole(what: string, value: unknown, least: number, most: number): void {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most) return;
  throw invalidShape(`${what} must be a whole number from ${least} to ${most}, not ${String(value)}`);
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
  throw invalidShape(`${what} has a lone surrogate: ${JSON.stringify(text)}`);
}

/** A limit that was given, or what holds without one. */
export function checkLimit(what: string, value: number | undefined, byDefault: number, most: number): number {
  if (value === undefined) return byDefault;
  requireWhole(what, value, 1, most);
  return value;
}

/**
 * Refuses options that are no object, or have a name that is not known.
 *
 * @param what what takes them, as in `string()`.
 */
export function requireOptions(what: string, options: unknown, allowed: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw invalidShape(`the options of ${what} must be an object, not ${describeKind(options)}`);
  }
  const unknown = Object.keys(options).find((name) => !allowed.includes(name));
  if (unknown === undefined) return;
  throw invalidShape(
    `${what} has no option ${JSON.stringify(unknown)}; ${allowed.length === 0 ? 'it takes none' : `it takes ${allowed.join(', ')}`}`,
  );
}

/** What a wrong argument is, in a word or two. */
export function describeKind(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : typeof value === 'object' ? 'an object' : typeof value;
}
