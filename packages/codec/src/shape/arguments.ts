import { invalidShape } from './invalid-shape.js';
import type { Shape } from './shape.js';

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

/** Refuses an argument that is no shape, and says how to write one. */
export function requireShape(what: string, value: unknown): asserts value is Shape {
  if (!isShape(value)) throw invalidShape(`${what} must be a shape${adviceFor(value)}`);
}

function isShape(value: unknown): value is Shape {
  return typeof value === 'object' && value !== null && 'node' in value && '~standard' in value;
}

function adviceFor(value: unknown): string {
  if (typeof value === 'function') {
    const name = /^\w+$/.test(value.name) ? value.name : 'f';
    return `, not a function: write ${name}(), with its parentheses`;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return `, not ${describeKind(value)}`;
  if ('shape' in value && isShape(value.shape)) return ', and optional() is for the fields of a struct';
  return ', not a plain object: write struct({ … })';
}
