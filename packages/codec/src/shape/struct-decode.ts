import type { Read, Reads } from './closures.js';
import { greatest } from './layout.js';
import { foundIn, shownText, unexpected } from './mismatch.js';
import { type FieldNode, nameOf, type StructNode, takesNil, type UnionNode } from './node.js';
import type { Reader } from './reader.js';
import { readText } from './text.js';

/** In the place of a field that is not there. */
const MISSING = Symbol('missing');

interface FieldRead {
  readonly field: FieldNode;
  readonly read: Read;
  /** Whether nil in its place means that it is missing. */
  readonly nilIsMissing: boolean;
}

/** Reads a struct: as a map in any order, with keys of all kinds in between, or as an array of the values in order. */
export function structRead(node: StructNode, functions: Reads): Read {
  const fields = node.fields.map(
    (field): FieldRead => ({
      field,
      read: functions.of(field.node),
      nilIsMissing: field.optional && !takesNil(field.node),
    }),
  );
  const { layout, maxDepth } = functions.settings;
  return layout === 'map' ? structFromMap(fields, maxDepth) : structFromArray(fields, maxDepth);
}

function structFromMap(fields: readonly FieldRead[], maxDepth: number): Read {
  const places = new Map(fields.map(({ field }, index) => [field.name, index]));
  const longest = greatest(fields.map(({ field }) => Buffer.byteLength(field.name)));
  return (reader) => {
    const length = reader.mapLength('struct');
    if (length === undefined) throw unexpected('struct', reader.describe());
    const values: unknown[] = new Array(fields.length).fill(MISSING);
    for (let left = length; left > 0; left -= 1) {
      const place = readPlace(reader, places, longest, maxDepth);
      if (place === undefined) {
        reader.skip(maxDepth);
      } else {
        // Of equal keys the last one counts.
        values[place] = readField(reader, fields[place]!);
      }
    }
    return assemble(fields, values);
  };
}

/** Reads a key; undefined when no field has it. */
function readPlace(
  reader: Reader,
  places: ReadonlyMap<string, number>,
  longest: number,
  maxDepth: number,
): number | undefined {
  const length = reader.textLength('a key');
  if (length === undefined) {
    reader.skip(maxDepth);
    return undefined;
  }
  const { position } = reader;
  reader.position += length;
  return length > longest ? undefined : places.get(readText(reader.bytes, position, length));
}

function structFromArray(fields: readonly FieldRead[], maxDepth: number): Read {
  return (reader) => {
    const length = reader.arrayLength('struct as an array');
    if (length === undefined) throw unexpected('struct as an array', reader.describe());
    const values = fields.map((field, index) => (index < length ? readField(reader, field) : MISSING));
    for (let left = length - fields.length; left > 0; left -= 1) reader.skip(maxDepth);
    return assemble(fields, values);
  };
}

function readField(reader: Reader, { field, read, nilIsMissing }: FieldRead): unknown {
  try {
    if (nilIsMissing && reader.nil('an optional field')) return MISSING;
    return read(reader);
  } catch (error) {
    throw foundIn(error, field.name);
  }
}

function assemble(fields: readonly FieldRead[], values: readonly unknown[]): object {
  const object: Record<string, unknown> = {};
  for (let index = 0; index < fields.length; index += 1) {
    const { field } = fields[index]!;
    const value = values[index];
    if (value !== MISSING) object[field.name] = value;
    else if (!field.optional) throw foundIn(unexpected(nameOf(field.node), 'nothing'), field.name);
  }
  return object;
}

/** Looks for the tag, then reads the whole as the struct that it names. */
export function unionRead(node: UnionNode, functions: Reads): Read {
  const variants = new Map(node.variants.map(({ name, struct }) => [name, functions.of(struct)]));
  const expected = nameOf(node);
  const { layout, maxDepth } = functions.settings;
  const findTag = layout === 'map' ? findTagInMap : findTagInArray;
  return (reader) => {
    const { position } = reader;
    const name = findTag(reader, node.tag, expected, maxDepth);
    reader.position = position;
    if (name === undefined) throw foundIn(unexpected(expected, 'nothing'), node.tag);
    const read = variants.get(name);
    if (read === undefined) throw foundIn(unexpected(expected, `string ${shownText(name)}`), node.tag);
    return read(reader);
  };
}

function findTagInMap(reader: Reader, tag: string, expected: string, maxDepth: number): string | undefined {
  const length = reader.mapLength(expected);
  if (length === undefined) throw unexpected(expected, reader.describe());
  const places = new Map([[tag, 0]]);
  const tagLength = Buffer.byteLength(tag);
  let found: string | undefined;
  for (let left = length; left > 0; left -= 1) {
    if (readPlace(reader, places, tagLength, maxDepth) === undefined) reader.skip(maxDepth);
    else found = readTag(reader, tag, expected);
  }
  return found;
}

function findTagInArray(reader: Reader, tag: string, expected: string): string | undefined {
  const length = reader.arrayLength(expected);
  if (length === undefined) throw unexpected(expected, reader.describe());
  return length === 0 ? undefined : readTag(reader, tag, expected);
}

function readTag(reader: Reader, tag: string, expected: string): string {
  const length = reader.textLength(expected);
  if (length === undefined) throw foundIn(unexpected(expected, reader.describe()), tag);
  const { position } = reader;
  reader.position += length;
  return readText(reader.bytes, position, length);
}
