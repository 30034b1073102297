import { describeKind } from '../arguments.js';
import { invalidShape } from '../invalid-shape.js';
import type { Shape } from './shape.js';

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
