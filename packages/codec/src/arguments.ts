import { invalidShape } from './invalid-shape.js';

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
