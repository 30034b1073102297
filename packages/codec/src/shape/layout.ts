import { alike, type FieldNode, type ShapeNode, type StructNode, type Visitor, visit } from './node.js';
import type { Settings } from './settings.js';
import { writeText } from './text.js';
import { TIMESTAMP_SIZE } from './timestamp-bytes.js';
import { Writer } from './writer.js';

/** A string as it is written: header and UTF-8. */
export function textBytes(text: string): readonly number[] {
  const bytes = new Uint8Array(5 + 3 * text.length);
  return Array.from(bytes.subarray(0, writeText(text, bytes, 0, bytes.length)));
}

/** The greatest number of a list of any length; 0 for an empty list. */
export function greatest(numbers: readonly number[]): number {
  return numbers.reduce((most, number) => Math.max(most, number), 0);
}

/** The header of a map with that many entries, or of an array with that many items, as it is written. */
export function containerHeader(layout: 'map' | 'array', count: number): readonly number[] {
  const writer = new Writer(Infinity);
  if (layout === 'map') writer.mapHeader(count);
  else writer.arrayHeader(count);
  return [...writer.bytes.subarray(0, writer.position)];
}

/** Bytes that stand before the value of a field. */
export function keyBytes(field: FieldNode, { layout }: Settings): readonly number[] {
  return layout === 'map' ? textBytes(field.name) : [];
}

/** Bytes that writing takes at most, apart from those parts for which room is checked when they are written. */
export function fixedSize(node: ShapeNode): number {
  return visit(node, FIXED_SIZES);
}

const FIXED_SIZES: Visitor<number> = {
  ...alike(['unknown', 'string', 'bytes', 'array', 'map', 'struct', 'union'], () => 0),
  integer: ({ type }) => INTEGER_SIZES[type],
  bigint: () => 9,
  float: ({ type }) => (type === 'f64' ? 9 : 5),
  boolean: () => 1,
  timestamp: () => TIMESTAMP_SIZE,
  oneOf: ({ values }) => greatest(values.map((value) => textBytes(value).length)),
  nullable: ({ of }) => Math.max(1, fixedSize(of)),
};

/** Bytes that the usual form takes at least; what is shorter is in an unusual one. */
export function leastSize(
  node: ShapeNode,
  settings: Settings,
  known: Map<ShapeNode, number> = new Map(),
): number {
  if (node.kind !== 'struct') return 1;
  const before = known.get(node);
  if (before !== undefined) return before;
  const isCounted = settings.layout === 'map' && node.fields.some(({ optional }) => optional);
  let size = isCounted ? 1 : structHeaderSize(node);
  for (const field of node.fields) {
    if (settings.layout === 'map' && field.optional) continue;
    const value = field.optional ? 1 : leastSize(field.node, settings, known);
    size += keyBytes(field, settings).length + value;
  }
  known.set(node, size);
  return size;
}

/** Whether {@link fixedSize} is all that it takes. */
export function isFixed(node: ShapeNode): boolean {
  return node.kind === 'nullable' ? isFixed(node.of) : fixedSize(node) > 0;
}

/** Bytes of the header of a struct at most. */
export function structHeaderSize(node: StructNode): number {
  return node.fields.length < 0x10 ? 1 : 3;
}

const INTEGER_SIZES = { u8: 2, u16: 3, u32: 5, u64: 9, i8: 2, i16: 3, i32: 5, i64: 9 } as const;
