import type { encodeInPlace, InPlaceCodec, InPlaceTarget } from '../in-place.js';
import { ownLengthOf, putOwnBytes } from '../user-bytes.js';
import { keepText, type LastText, type LastTexts, LONGEST_FORM, putLast } from './last-text.js';
import { fixedSize, keyBytes, structHeaderSize, textBytes } from './layout.js';
import type { BytesNode, OneOfNode, ShapeNode, StringNode, StructNode } from './node.js';
import { putBinaryHeader } from './number-bytes.js';
import {
  bytesWrite,
  isScalar,
  propertyOf,
  type ScalarNode,
  scalarCheck,
  scalarWrite,
  structHeaderWrite,
} from './scalar-source.js';
import type { Settings } from './settings.js';
import { quoted, SourceText } from './source-text.js';

/** Writes a value right in the ring, as {@link InPlaceCodec} says. */
export type EncodeInPlace = InPlaceCodec<unknown>[typeof encodeInPlace];

/**
 * Characters of a text that is written in place, where it is not the last one of its field. A longer one is written faster by a call
 * that must not see shared memory.
 */
const MOST_CHARACTERS = 20;
/** Bytes before the bytes of a value at most. */
const BINARY_HEADER = 5;
/** Values with other texts follow one another: after one that was in vain, so many are not tried at most. */
const MOST_SKIPPED = 63;

/** What can be checked before, and then is written with plain stores alone. */
type FlatNode = ScalarNode | StringNode | OneOfNode | BytesNode;

/** A field of the struct: `f<index>` is its value. */
interface FlatField {
  readonly x: string;
  readonly name: string;
  readonly key: readonly number[];
  readonly node: FlatNode;
  readonly isOptional: boolean;
  readonly isNullable: boolean;
  readonly lastText: LastText | undefined;
}

/**
 * Generates the function that writes bytes, or the values of a flat struct, in place: it reads all fields, checks them, calls
 * `begin`, and writes.
 *
 * @returns undefined for a shape that is neither, or a struct that has other fields than scalars, strings, bytes and `oneOf`, or
 * whose values may be larger than the codec takes, their bytes not counted.
 */
export function generateInPlace(
  node: ShapeNode,
  settings: Settings,
  lastTexts: LastTexts,
): EncodeInPlace | undefined {
  if (node.kind === 'bytes') return bytesInPlace(node, settings);
  if (node.kind !== 'struct') return undefined;
  const fields = flatFields(node, settings, lastTexts);
  if (fields === undefined || sizeOf(node, fields) + textSize(fields, settings) > settings.maxSize)
    return undefined;
  const source = new SourceText(true);
  source.addFunction(functionOf(source, node, fields, settings));
  return source.compile('encode') as EncodeInPlace;
}

function flatFields(
  struct: StructNode,
  settings: Settings,
  lastTexts: LastTexts,
): readonly FlatField[] | undefined {
  const fields = struct.fields.flatMap((field, index): FlatField[] => {
    const isNullable = field.node.kind === 'nullable';
    const node = field.node.kind === 'nullable' ? field.node.of : field.node;
    if (!isFlat(node)) return [];
    const { name, optional: isOptional } = field;
    const key = keyBytes(field, settings);
    return [{ x: `f${index}`, name, key, node, isOptional, isNullable, lastText: lastTexts.of(field) }];
  });
  return fields.length === struct.fields.length ? fields : undefined;
}

function isFlat(node: ShapeNode): node is FlatNode {
  return ['integer', 'bigint', 'float', 'boolean', 'string', 'bytes', 'oneOf'].includes(node.kind);
}

/** Bytes that a value takes at most, without its texts and bytes. */
function sizeOf(struct: StructNode, fields: readonly FlatField[]): number {
  const sizes = fields.map(({ key, node }) => {
    const size = node.kind === 'bytes' ? BINARY_HEADER : Math.max(1, fixedSize(node));
    return key.length + size;
  });
  return sizes.reduce((sum, size) => sum + size, structHeaderSize(struct));
}

function textSize(fields: readonly FlatField[], settings: Settings): number {
  return fields.reduce(
    (sum, { node }) =>
      sum + (node.kind === 'string' ? Math.max(LONGEST_FORM, mostCharacters(node, settings)) : 0),
    0,
  );
}

function mostCharacters({ maxLength = Infinity }: StringNode, { maxTextBytes }: Settings): number {
  return Math.min(maxLength, maxTextBytes, MOST_CHARACTERS);
}

function mostBytes({ maxLength = Infinity }: BytesNode, { maxBinaryBytes }: Settings): number {
  return Math.min(maxLength, maxBinaryBytes);
}

function bytesInPlace(node: BytesNode, settings: Settings): EncodeInPlace {
  const most = Math.min(mostBytes(node, settings), settings.maxSize - BINARY_HEADER);
  return (value, place) => {
    const length = ownLengthOf(value);
    if (length < 0 || length > most || !place.begin(BINARY_HEADER + length)) return -1;
    if (!(place.offset + BINARY_HEADER + length <= place.limit)) return -1;
    return putBinary(place.bytes, place.offset, value as Uint8Array, length);
  };
}

/**
 * In the generated text `v` is the value, `P` the place, and `size` how many bytes the value takes at most. For the rest see
 * {@link generateEncode}.
 */
function functionOf(
  source: SourceText,
  struct: StructNode,
  fields: readonly FlatField[],
  settings: Settings,
): string {
  const choices = fields.flatMap(({ x, node }) => (node.kind === 'oneOf' ? [`${x}c`] : []));
  const lengths = fields.flatMap(({ x, node }) => (node.kind === 'bytes' ? [`${x}n`] : []));
  const kept = fields.flatMap(({ x, lastText }) => (lastText === undefined ? [] : [`${x}l = false`]));
  const names = [...fields.map(({ x }) => x), ...choices, ...lengths, ...kept];
  return `var skip = 0, skipped = 0;
  function encode(v, P) {
    if (skip > 0) { skip -= 1; return -1; }
    let size = ${[sizeOf(struct, fields), ...names].join(', ')};
    try {
      if (typeof v !== 'object' || v === null || Array.isArray(v)) return -1;
      ${fields.map(({ x, name }) => `${x} = ${propertyOf('v', name)};`).join(' ')}
      ${fields.map((field) => check(source, field, settings)).join('\n')}
      ${lengths.length === 0 ? '' : `if (size > ${settings.maxSize}) return -1;`}
    } catch {
      return -1;
    }
    if (skipped !== 0) skipped = 0;
    ${fields.map((field) => keep(source, field)).join(' ')}
    if (!P.begin(size)) return -1;
    const t = P.bytes;
    const D = P.data;
    let o = P.offset;
    if (!(o + size <= P.limit)) return -1;
    ${structHeaderWrite(source, struct, settings.layout)}
    ${fields.map((field) => write(source, field, settings)).join('\n')}
    return o;
  }`;
}

/** What is done with a text that is not the last one of its field. */
function keep(source: SourceText, { x, key, lastText }: FlatField): string {
  if (lastText === undefined) return '';
  const bytes = source.value(Uint8Array.from(key));
  return `if (!${x}l) ${source.value(keepText)}(${source.value(lastText)}, ${bytes}, ${x});`;
}

function check(
  source: SourceText,
  { x, key, node, isOptional, isNullable, lastText }: FlatField,
  settings: Settings,
): string {
  const conditions = [
    ...(isOptional ? [`${x} !== undefined`] : []),
    ...(isNullable ? [`${x} !== null`] : []),
  ];
  const statements = checkOf(source, node, x, settings, lastText, key);
  return conditions.length === 0 ? statements : `if (${conditions.join(' && ')}) { ${statements} }`;
}

function checkOf(
  source: SourceText,
  node: FlatNode,
  x: string,
  settings: Settings,
  lastText: LastText | undefined,
  key: readonly number[],
): string {
  if (node.kind === 'string') {
    const most = mostCharacters(node, settings);
    const last = source.value(lastText);
    return (
      `if (typeof ${x} !== 'string') return -1; ` +
      `if (${last}.size <= ${LONGEST_FORM} && ${x} === ${last}.text) { ${x}l = true; size += ${last}.size - ${key.length + 1}; } ` +
      `else if (${x}.length > ${most} || !${source.value(isAscii)}(${x})) ` +
      `{ skip = skipped; if (skipped < ${MOST_SKIPPED}) skipped = 2 * skipped + 1; return -1; } ` +
      `else size += ${x}.length;`
    );
  }
  if (node.kind === 'bytes') {
    return (
      `${x}n = ${source.value(ownLengthOf)}(${x}); ` +
      `if (${x}n < 0 || ${x}n > ${mostBytes(node, settings)}) return -1; size += ${x}n;`
    );
  }
  if (node.kind !== 'oneOf') return scalarCheck(node, x);
  const cases = node.values.map((value, index) => `case ${quoted(value)}: ${x}c = ${index}; break;`);
  return `switch (${x}) { ${cases.join(' ')} default: return -1; }`;
}

function write(source: SourceText, field: FlatField, { layout }: Settings): string {
  const { x, key, node, isOptional, isNullable, lastText } = field;
  const nil = 't[o] = 0xc0; o += 1;';
  const written = isNullable
    ? `${bytesWrite(source, key)} if (${x} === null) { ${nil} } else { ${writeOf(source, node, x, [])} }`
    : writeOf(source, node, x, key);
  const last = source.value(lastText);
  const withLast = `if (${x}l) o = ${source.value(putLast)}(D, o, ${last}); else`;
  const withKey = `${lastText === undefined ? '' : withLast} { ${written} }`;
  if (!isOptional) return withKey;
  return `if (${x} !== undefined) { ${withKey} } ${layout === 'map' ? '' : `else { ${nil} }`}`;
}

function writeOf(source: SourceText, node: FlatNode, x: string, key: readonly number[]): string {
  if (isScalar(node)) return scalarWrite(source, node, x, key);
  const before = bytesWrite(source, key);
  if (node.kind === 'string') return `${before} o = ${source.value(putAscii)}(t, o, ${x});`;
  if (node.kind === 'bytes') return `${before} o = ${source.value(putBinary)}(t, o, ${x}, ${x}n);`;
  const cases = node.values.map(
    (value, index) => `case ${index}: ${bytesWrite(source, textBytes(value))} break;`,
  );
  return `${before} switch (${x}c) { ${cases.join(' ')} }`;
}

function isAscii(text: string): boolean {
  let all = 0;
  for (let index = 0; index < text.length; index += 1) all |= text.charCodeAt(index);
  return all < 0x80;
}

function putAscii(target: InPlaceTarget['bytes'], offset: number, text: string): number {
  const { length } = text;
  target[offset] = 0xa0 | length;
  for (let index = 0; index < length; index += 1) target[offset + 1 + index] = text.charCodeAt(index);
  return offset + 1 + length;
}

/** The bytes are the program's, and no other thread can change them. */
function putBinary(
  target: InPlaceTarget['bytes'],
  offset: number,
  bytes: Uint8Array,
  length: number,
): number {
  const start = putBinaryHeader(target, offset, length);
  putOwnBytes(target, start, bytes, length);
  return start + length;
}
