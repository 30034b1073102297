import { describeKind, requireOptions } from '../arguments.js';
import { invalidShape, requireText, requireWhole } from '../invalid-shape.js';
import { shownText } from './mismatch.js';
import { INTEGER_RANGES, type IntegerNode, type IntegerType, type OneOfNode } from './node.js';
import { makeShape, type Shape } from './shape.js';

/** Options of integers that are numbers. */
export interface IntegerOptions {
  /** The least value allowed. Defaults to what the width holds. */
  readonly min?: number | undefined;
  /** The greatest value allowed. Defaults to what the width holds. */
  readonly max?: number | undefined;
}

/** Options of integers of 64 bits that are numbers. */
export interface Integer64Options extends IntegerOptions {
  /** Numbers, within ±(2^53 - 1); whatever is beyond is refused. */
  readonly as: 'number';
}

/** A whole number from 0 to 255. */
export function u8(options?: IntegerOptions): Shape<number> {
  return integer('u8', options);
}

/** A whole number from 0 to 65,535. */
export function u16(options?: IntegerOptions): Shape<number> {
  return integer('u16', options);
}

/** A whole number from 0 to 2^32 - 1. */
export function u32(options?: IntegerOptions): Shape<number> {
  return integer('u32', options);
}

/** A whole number from -128 to 127. */
export function i8(options?: IntegerOptions): Shape<number> {
  return integer('i8', options);
}

/** A whole number from -32,768 to 32,767. */
export function i16(options?: IntegerOptions): Shape<number> {
  return integer('i16', options);
}

/** A whole number from -2^31 to 2^31 - 1. */
export function i32(options?: IntegerOptions): Shape<number> {
  return integer('i32', options);
}

/** A bigint from 0 to 2^64 - 1; with `{ as: 'number' }` a number from 0 to 2^53 - 1. */
export function u64(options?: { readonly as?: 'bigint' }): Shape<bigint>;
export function u64(options: Integer64Options): Shape<number>;
export function u64(options: { readonly as?: 'bigint' } | Integer64Options = {}): Shape<unknown> {
  return integer64('u64', options);
}

/** A bigint from -2^63 to 2^63 - 1; with `{ as: 'number' }` a number from -(2^53 - 1) to 2^53 - 1. */
export function i64(options?: { readonly as?: 'bigint' }): Shape<bigint>;
export function i64(options: Integer64Options): Shape<number>;
export function i64(options: { readonly as?: 'bigint' } | Integer64Options = {}): Shape<unknown> {
  return integer64('i64', options);
}

/** A number that travels with 32 bits, rounded to the nearest. A finite one beyond their range is refused. */
export function f32(): Shape<number> {
  return makeShape({ kind: 'float', type: 'f32' });
}

/** Any number, NaN and the infinities included. */
export function f64(): Shape<number> {
  return makeShape({ kind: 'float', type: 'f64' });
}

/** `true` or `false`. */
export function boolean(): Shape<boolean> {
  return makeShape({ kind: 'boolean' });
}

/** Options of {@link string}. */
export interface StringOptions {
  /** Characters allowed, counted as Unicode code points. Defaults to no limit but that of the codec. */
  readonly maxLength?: number | undefined;
}

/** A string. Lone surrogates are refused. */
export function string(options: StringOptions = {}): Shape<string> {
  requireOptions('string()', options, ['maxLength']);
  return makeShape({ kind: 'string', maxLength: checkMaximum('maxLength', options.maxLength) });
}

/** Options of {@link bytes}. */
export interface BytesOptions {
  /** Bytes allowed. Defaults to no limit but that of the codec. */
  readonly maxLength?: number | undefined;
  /**
   * Defaults to true: each decoded value has memory of its own, which may be a part of a larger ArrayBuffer that nothing else uses but
   * other such values. With false it is a view of the source, valid for as long as that is: without a copy, and without protection
   * from the next writer.
   */
  readonly copy?: boolean | undefined;
}

/** A `Uint8Array`; any is encoded, `Buffer` included. */
export function bytes(options: BytesOptions = {}): Shape<Uint8Array> {
  requireOptions('bytes()', options, ['maxLength', 'copy']);
  const { copy = true } = options;
  if (typeof copy !== 'boolean') throw invalidShape(`copy must be true or false, not ${describeKind(copy)}`);
  const maxLength = checkMaximum('maxLength', options.maxLength);
  return makeShape({ kind: 'bytes', maxLength, copy });
}

/** One of the given strings. */
export function oneOf<const V extends readonly [string, ...string[]]>(...values: V): Shape<V[number]> {
  return makeShape(oneOfNode(values));
}

/** A `Date`, as msgpack's timestamp. Nanoseconds of other writers are cut to milliseconds. */
export function timestamp(): Shape<Date> {
  return makeShape({ kind: 'timestamp' });
}

/** Whatever the codec {@link msgpack} takes, encoded and decoded by it. */
export function unknown(): Shape<unknown> {
  return makeShape({ kind: 'unknown' });
}

/** Checks a limit that may be missing. */
export function checkMaximum(what: string, value: number | undefined): number | undefined {
  if (value !== undefined) requireWhole(what, value, 0, 0xffff_ffff);
  return value;
}

function integer(type: IntegerType, options: IntegerOptions = {}): Shape<number> {
  requireOptions(`${type}()`, options, ['min', 'max']);
  return makeShape(integerNode(type, options.min, options.max));
}

function integer64(type: 'u64' | 'i64', options: { readonly as?: 'bigint' } | Integer64Options): Shape {
  requireOptions(`${type}()`, options, options?.as === 'number' ? ['as', 'min', 'max'] : ['as']);
  if (options.as === 'number') return makeShape(integerNode(type, options.min, options.max));
  if (options.as !== undefined && options.as !== 'bigint') {
    throw invalidShape(`${type} is a "number" or a "bigint", not ${JSON.stringify(options.as)}`);
  }
  return makeShape({ kind: 'bigint', type });
}

/** The node of one of some strings, each of them checked. */
export function oneOfNode(values: readonly unknown[]): OneOfNode {
  if (values.length === 0) throw invalidShape('oneOf takes one string at least');
  const known = new Set<string>();
  for (const value of values) {
    if (typeof value !== 'string') throw invalidShape(`oneOf takes strings, not ${typeof value}`);
    requireText('a value of oneOf', value);
    if (known.has(value))
      throw invalidShape(`oneOf takes each string once: ${shownText(value)} is there twice`);
    known.add(value);
  }
  return { kind: 'oneOf', values: Object.freeze([...known]) };
}

/** The node of an integer, its range checked. */
export function integerNode(type: IntegerType, least?: number, most?: number): IntegerNode {
  const [lowest, highest] = INTEGER_RANGES[type];
  const min = least ?? lowest;
  const max = most ?? highest;
  requireWhole(`the min of ${type}`, min, lowest, highest);
  requireWhole(`the max of ${type}`, max, min, highest);
  return { kind: 'integer', type, min, max };
}
