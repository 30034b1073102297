import { shownText } from './mismatch.js';

/** The integers of a shape, by sign and width in bits. */
export type IntegerType = 'u8' | 'u16' | 'u32' | 'u64' | 'i8' | 'i16' | 'i32' | 'i64';

/** A whole number. Those of 64 bits stay within ±(2^53 - 1), where a number is exact. */
export interface IntegerNode {
  readonly kind: 'integer';
  readonly type: IntegerType;
  /** The least value allowed. */
  readonly min: number;
  /** The greatest value allowed. */
  readonly max: number;
}

/** A bigint of 64 bits. */
export interface BigintNode {
  readonly kind: 'bigint';
  readonly type: 'u64' | 'i64';
}

/** A number of IEEE 754. */
export interface FloatNode {
  readonly kind: 'float';
  readonly type: 'f32' | 'f64';
}

/** What has nothing to set. */
export interface PlainNode {
  readonly kind: 'boolean' | 'timestamp' | 'unknown';
}

/** A string. */
export interface StringNode {
  readonly kind: 'string';
  /** Characters (code points) allowed, if there is a limit. */
  readonly maxLength: number | undefined;
}

/** Bytes. */
export interface BytesNode {
  readonly kind: 'bytes';
  /** Bytes allowed, if there is a limit. */
  readonly maxLength: number | undefined;
  /** False when decoding may return a view of its source. */
  readonly copy: boolean;
}

/** One of some strings. */
export interface OneOfNode {
  readonly kind: 'oneOf';
  readonly values: readonly string[];
}

/** A value, or null. */
export interface NullableNode {
  readonly kind: 'nullable';
  readonly of: ShapeNode;
}

/** Any number of values of one shape. */
export interface ArrayNode {
  readonly kind: 'array';
  readonly item: ShapeNode;
  /** Items allowed, if there is a limit. */
  readonly maxItems: number | undefined;
}

/** Any number of keys with values of one shape. */
export interface MapNode {
  readonly kind: 'map';
  readonly key: KeyNode;
  readonly value: ShapeNode;
  /** Whether it is a `Map` or a plain object in JavaScript; the bytes are the same. */
  readonly as: 'map' | 'object';
}

/** What the keys of a map can be. */
export type KeyNode = StringNode | OneOfNode | IntegerNode | BigintNode;

/** A field of a struct. */
export interface FieldNode {
  readonly name: string;
  readonly node: ShapeNode;
  /** Whether it may be missing. */
  readonly optional: boolean;
}

/** Named fields, in the order in which they are written. */
export interface StructNode {
  readonly kind: 'struct';
  readonly fields: readonly FieldNode[];
}

/** One of some structs, told apart by the string in one field. */
export interface UnionNode {
  readonly kind: 'union';
  /** The name of that field. */
  readonly tag: string;
  readonly variants: readonly VariantNode[];
}

/** One struct of a union. */
export interface VariantNode {
  /** What the tag holds. */
  readonly name: string;
  /** The struct, the tag being its first field. */
  readonly struct: StructNode;
}

/** A shape as plain data: what the builders make, and what is compiled. */
export type ShapeNode =
  | IntegerNode
  | BigintNode
  | FloatNode
  | PlainNode
  | StringNode
  | BytesNode
  | OneOfNode
  | NullableNode
  | ArrayNode
  | MapNode
  | StructNode
  | UnionNode;

/** The kinds of nodes. */
export type ShapeKind = ShapeNode['kind'];

/** The kinds that hold no other nodes. */
export const LEAVES = [
  'integer',
  'bigint',
  'float',
  'boolean',
  'timestamp',
  'unknown',
  'string',
  'bytes',
  'oneOf',
] as const;

/** A function for each kind of node. Wherever one is missing, a new kind is a compile error. */
export type Visitor<R, K extends ShapeKind = ShapeKind> = {
  readonly [Kind in K]: (node: ShapeNode & { readonly kind: Kind }) => R;
};

/** Calls the function for the kind of a node. A visitor needs only the kinds that the node can be of. */
export function visit<N extends ShapeNode, R>(node: N, visitor: Visitor<R, N['kind']>): R {
  const answer = visitor[node.kind as N['kind']] as (node: N) => R;
  return answer(node);
}

/** A part of a {@link Visitor}: one function for several kinds, each of which is named. */
export function alike<K extends ShapeKind, R>(
  kinds: readonly K[],
  answer: (node: ShapeNode & { readonly kind: NoInfer<K> }) => R,
): Visitor<R, K> {
  const part: Record<string, unknown> = Object.fromEntries(kinds.map((kind) => [kind, answer]));
  return part as Visitor<R, K>;
}

/** What the integers can hold; those of 64 bits, as numbers. */
export const INTEGER_RANGES: Readonly<Record<IntegerType, readonly [min: number, max: number]>> = {
  u8: [0, 0xff],
  u16: [0, 0xffff],
  u32: [0, 0xffff_ffff],
  u64: [0, Number.MAX_SAFE_INTEGER],
  i8: [-0x80, 0x7f],
  i16: [-0x8000, 0x7fff],
  i32: [-0x8000_0000, 0x7fff_ffff],
  i64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
};

/** What bigints of 64 bits can hold. */
export const BIGINT_RANGES: Readonly<Record<'u64' | 'i64', readonly [min: bigint, max: bigint]>> = {
  u64: [0n, 0xffff_ffff_ffff_ffffn],
  i64: [-0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn],
};

/** Whether strings are what it takes, apart from nil. */
export function takesText(node: ShapeNode): boolean {
  return node.kind === 'string' || (node.kind === 'nullable' && node.of.kind === 'string');
}

/** Whether nil in the place of an optional field could be a value of its own. */
export function takesNil(node: ShapeNode): boolean {
  return node.kind === 'nullable' || node.kind === 'unknown';
}

/** The shape in one or two words, as errors name it. */
export function nameOf(node: ShapeNode): string {
  return visit(node, NAMES);
}

const NAMES: Visitor<string> = {
  ...alike(['boolean', 'timestamp', 'unknown', 'map', 'struct'], ({ kind }) => kind),
  ...alike(['bigint', 'float'], ({ type }) => type),
  integer: (node) => {
    const [min, max] = INTEGER_RANGES[node.type];
    const free = node.min === min && node.max === max;
    return free ? node.type : `${node.type} from ${node.min} to ${node.max}`;
  },
  string: ({ maxLength }) =>
    maxLength === undefined ? 'string' : `string of at most ${maxLength} characters`,
  bytes: ({ maxLength }) => (maxLength === undefined ? 'bytes' : `at most ${maxLength} bytes`),
  oneOf: ({ values }) => `one of ${listed(values)}`,
  nullable: ({ of }) => `${nameOf(of)} or null`,
  array: ({ maxItems }) => (maxItems === undefined ? 'array' : `array of at most ${maxItems} items`),
  union: ({ tag, variants }) =>
    `struct with ${shownText(tag)} one of ${listed(variants.map(({ name }) => name))}`,
};

const VALUES_SHOWN = 6;

function listed(values: readonly string[]): string {
  const shown = values.slice(0, VALUES_SHOWN).map(shownText);
  return shown.join(', ') + (values.length > VALUES_SHOWN ? ', …' : '');
}
