import type { Write, Writes } from './closures.js';
import { describeValue, foundIn, unexpected } from './mismatch.js';
import { type FieldNode, nameOf, type ShapeNode, type StructNode, type UnionNode } from './node.js';
import type { Writer } from './writer.js';

interface FieldWrite {
  readonly field: FieldNode;
  readonly write: Write;
}

/** Writes a struct: as a map in the order of its fields, or as an array of the values. */
export function structWrite(node: StructNode, functions: Writes): Write {
  const fields = node.fields.map((field): FieldWrite => ({ field, write: functions.of(field.node) }));
  const isMap = functions.settings.layout === 'map';
  return (value, writer) => {
    if (!isStruct(value)) throw unexpected('struct', describeValue(value));
    // Read once and before anything is written: a getter could change its mind about what is missing.
    const items = fields.map(({ field }) => fieldOf(value, field.name));
    if (isMap) {
      writer.mapHeader(fields.filter(({ field }, index) => !isMissing(field, items[index])).length);
    } else {
      writer.arrayHeader(fields.length);
    }
    for (const [index, { field, write }] of fields.entries()) {
      const item = items[index];
      if (isMissing(field, item)) {
        if (!isMap) writer.byte(0xc0);
        continue;
      }
      if (isMap) writer.text(field.name);
      writeField(write, field, item, writer);
    }
  };
}

function writeField(write: Write, field: FieldNode, item: unknown, writer: Writer): void {
  if (item === undefined && !takesUndefined(field.node)) {
    throw foundIn(unexpected(nameOf(field.node), 'undefined'), field.name);
  }
  try {
    write(item, writer);
  } catch (error) {
    throw foundIn(error, field.name);
  }
}

/** Whether `undefined` is a value, which becomes nil. */
function takesUndefined(node: ShapeNode): boolean {
  return node.kind === 'unknown' || (node.kind === 'nullable' && node.of.kind === 'unknown');
}

function isMissing(field: FieldNode, item: unknown): boolean {
  return item === undefined && field.optional;
}

/** What a struct is in JavaScript: any object that is no array. */
function isStruct(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A field; never what every object inherits under that name, such as `constructor`. */
function fieldOf(value: object, name: string): unknown {
  if (name in Object.prototype && !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, unknown>)[name];
}

/** Writes the struct that the tag names. */
export function unionWrite(node: UnionNode, functions: Writes): Write {
  const variants = new Map<unknown, Write>(
    node.variants.map(({ name, struct }) => [name, functions.of(struct)]),
  );
  return (value, writer) => {
    if (!isStruct(value)) throw unexpected(nameOf(node), describeValue(value));
    const name = fieldOf(value, node.tag);
    const write = variants.get(name);
    if (write === undefined) {
      const names = nameOf({ kind: 'oneOf', values: node.variants.map((variant) => variant.name) });
      throw foundIn(unexpected(names, describeValue(name)), node.tag);
    }
    write(value, writer);
  };
}
