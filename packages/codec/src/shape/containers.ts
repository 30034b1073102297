import { describeKind, requireOptions } from '../arguments.js';
import { invalidShape, requireName } from '../invalid-shape.js';
import { shownText } from './mismatch.js';
import type { FieldNode, KeyNode, MapNode, ShapeNode, StructNode, UnionNode } from './node.js';
import { requireShape } from './require-shape.js';
import { checkMaximum } from './scalars.js';
import { type Infer, makeShape, type Shape } from './shape.js';

const optionalOf: unique symbol = Symbol('optional');

/** A field of a {@link struct} that may be missing. */
export interface OptionalField<T = unknown> {
  /** The shape of what is there. */
  readonly shape: Shape<T>;
  /** Tells it from a shape. */
  readonly [optionalOf]: true;
}

/** What {@link struct} takes. */
export type Fields = Readonly<Record<string, Shape | OptionalField>>;

type OptionalNames<F> = { [K in keyof F]: F[K] extends OptionalField ? K : never }[keyof F];
type Flat<T> = { [K in keyof T]: T[K] };

/** The type of the values of a struct with these fields. */
export type StructOf<F extends Fields> = Flat<
  { -readonly [K in Exclude<keyof F, OptionalNames<F>>]: F[K] extends Shape<infer T> ? T : never } & {
    -readonly [K in OptionalNames<F>]?: F[K] extends OptionalField<infer T> ? T | undefined : never;
  }
>;

/** The type of the values of a union with these variants. */
export type UnionOf<Tag extends string, V extends Readonly<Record<string, Shape<object>>>> = {
  [K in keyof V]: Flat<{ [T in Tag]: K } & Infer<V[K]>>;
}[keyof V];

/**
 * An object with named fields, written in the order in which they are given here; names that look like whole numbers
 * come first, as in every object. Fields of a value that the struct does not name are not written.
 *
 * @throws {@link CodecError} `INVALID_SHAPE` for the name `__proto__` and names with lone surrogates.
 */
export function struct<const F extends Fields>(fields: F): Shape<StructOf<F>> {
  requireFields('the fields of a struct', fields);
  return makeShape(structNode(Object.entries(fields).map(([name, field]) => toField(name, field))));
}

/** A field that may be missing; `undefined` counts as missing. For {@link struct} only. */
export function optional<T>(shape: Shape<T>): OptionalField<T> {
  requireShape('what is optional', shape);
  return Object.freeze({ shape, [optionalOf]: true as const });
}

/** A value or `null`. */
export function nullable<T>(shape: Shape<T>): Shape<T | null> {
  requireShape('what is nullable', shape);
  if (shape.node.kind === 'nullable') return shape;
  return makeShape({ kind: 'nullable', of: shape.node });
}

/** Options of {@link array}. */
export interface ArrayOptions {
  /** Items allowed. Defaults to no limit but that of the codec. */
  readonly maxItems?: number | undefined;
}

/** An array whose items have one shape. */
export function array<T>(item: Shape<T>, options: ArrayOptions = {}): Shape<T[]> {
  requireShape('the item of an array', item);
  requireOptions('array()', options, ['maxItems']);
  return makeShape({
    kind: 'array',
    item: item.node,
    maxItems: checkMaximum('maxItems', options.maxItems),
  });
}

/**
 * A `Map`. The keys are strings, `oneOf` or integers.
 *
 * @throws {@link CodecError} `INVALID_SHAPE` for other keys.
 */
export function map<K, V>(key: Shape<K>, value: Shape<V>): Shape<Map<K, V>> {
  requireShape('the key of a map', key);
  requireShape('the value of a map', value);
  return makeShape(mapNode(key.node, value.node, 'map'));
}

/** A plain object with any names, whose values have one shape. The name `__proto__` is refused. */
export function record<V>(value: Shape<V>): Shape<Record<string, V>> {
  requireShape('the value of a record', value);
  return makeShape(mapNode({ kind: 'string', maxLength: undefined }, value.node, 'object'));
}

/**
 * One of several structs, told apart by a field that holds the name of the variant.
 *
 * @param tag the name of that field; the structs themselves do not have it.
 * @throws {@link CodecError} `INVALID_SHAPE` for a variant that is no struct, or that has a field of that name.
 * @example
 * ```ts
 * const event = union('type', { trade: struct({ price: f64() }), halt: struct({ reason: string() }) });
 * type Event = Infer<typeof event>; // { type: 'trade'; price: number } | { type: 'halt'; reason: string }
 * ```
 */
export function union<const Tag extends string, const V extends Readonly<Record<string, Shape<object>>>>(
  tag: Tag,
  variants: V,
): Shape<UnionOf<Tag, V>> {
  requireFields('the variants of a union', variants);
  const entries = Object.entries(variants).map(([name, shape]): [string, ShapeNode] => {
    requireShape(`the variant ${JSON.stringify(name)}`, shape);
    return [name, shape.node];
  });
  return makeShape(unionNode(tag, entries));
}

function toField(name: string, field: unknown): FieldNode {
  const isOptional = typeof field === 'object' && field !== null && optionalOf in field;
  const shape = isOptional ? (field as OptionalField).shape : field;
  requireShape(`the field ${JSON.stringify(name)}`, shape);
  return { name, node: shape.node, optional: isOptional };
}

/** The node of a struct, its names checked. */
export function structNode(fields: readonly FieldNode[]): StructNode {
  if (fields.length > 0xffff) throw invalidShape(`a struct has at most 65535 fields, not ${fields.length}`);
  for (const { name } of fields) requireName('the name of a field', name);
  requireOnce(
    'a struct has each field',
    fields.map(({ name }) => name),
  );
  return { kind: 'struct', fields: Object.freeze(fields.map((field) => Object.freeze(field))) };
}

/** The node of a map, its key checked. */
export function mapNode(key: ShapeNode, value: ShapeNode, as: 'map' | 'object'): MapNode {
  if (!isKey(key)) throw invalidShape(`the keys of a map are strings or integers, not ${key.kind}`);
  return { kind: 'map', key, value, as };
}

/** The node of a union. Each variant gets the tag as its first field. */
export function unionNode(tag: string, variants: readonly (readonly [string, ShapeNode])[]): UnionNode {
  requireName('the tag of a union', tag);
  if (variants.length === 0) throw invalidShape('a union has one variant at least');
  const nodes = variants.map(([name, node]) => {
    requireName('the name of a variant', name);
    if (node.kind !== 'struct') {
      throw invalidShape(`the variant ${shownText(name)} must be a struct, not ${node.kind}`);
    }
    const field: FieldNode = { name: tag, node: { kind: 'oneOf', values: [name] }, optional: false };
    return Object.freeze({ name, struct: structNode([field, ...node.fields]) });
  });
  requireOnce(
    'a union has each variant',
    nodes.map(({ name }) => name),
  );
  return { kind: 'union', tag, variants: Object.freeze(nodes) };
}

function requireOnce(what: string, names: readonly string[]): void {
  const known = new Set<string>();
  for (const name of names) {
    if (known.has(name)) throw invalidShape(`${what} once: ${shownText(name)} is there twice`);
    known.add(name);
  }
}

function isKey(node: ShapeNode): node is KeyNode {
  return node.kind === 'string' || node.kind === 'oneOf' || node.kind === 'integer' || node.kind === 'bigint';
}

/** Refuses what is no plain object of shapes. */
function requireFields(what: string, fields: unknown): void {
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields) || '~standard' in fields) {
    const kind =
      typeof fields === 'object' && fields !== null && '~standard' in fields
        ? 'a shape'
        : describeKind(fields);
    throw invalidShape(`${what} must be an object, as in { id: u32() }, not ${kind}`);
  }
}
