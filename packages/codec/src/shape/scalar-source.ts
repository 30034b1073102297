import { writeInteger } from './integer-bytes.js';
import { containerHeader } from './layout.js';
import {
  BIGINT_RANGES,
  type BigintNode,
  type FloatNode,
  INTEGER_RANGES,
  type IntegerNode,
  type ShapeNode,
  type StructNode,
} from './node.js';
import { bigInt64, float32, float64, LOWER, UPPER, words } from './number-bytes.js';
import type { Settings } from './settings.js';
import { parts, quoted, type SourceText, wordOf } from './source-text.js';

/** What is written with plain stores, after a check that needs nothing but the value. */
export type ScalarNode = IntegerNode | BigintNode | FloatNode | { readonly kind: 'boolean' };

const SCALARS: readonly string[] = ['integer', 'bigint', 'float', 'boolean'] satisfies ScalarNode['kind'][];

/** Whether the values of a node are written that way. */
export function isScalar(node: ShapeNode): node is ScalarNode {
  return SCALARS.includes(node.kind);
}

/** A statement that returns -1 where the expression `x` is not what the node says. It runs no code of `x`, a name. */
export function scalarCheck(node: ScalarNode, x: string): string {
  switch (node.kind) {
    case 'integer':
      return integerCheck(node, x);
    case 'bigint': {
      const [min, max] = BIGINT_RANGES[node.type];
      return `if (typeof ${x} !== 'bigint' || ${x} < ${min}n || ${x} > ${max}n) return -1;`;
    }
    case 'float':
      return node.type === 'f64'
        ? `if (typeof ${x} !== 'number') return -1;`
        : `if (typeof ${x} !== 'number' || Number.isFinite(${x}) && !Number.isFinite(Math.fround(${x}))) return -1;`;
    case 'boolean':
      return `if (typeof ${x} !== 'boolean') return -1;`;
  }
}

function integerCheck(node: IntegerNode, x: string): string {
  const [min, max] = INTEGER_RANGES[node.type];
  const least = node.min === min ? '' : ` || ${x} < ${node.min}`;
  const most = node.max === max ? '' : ` || ${x} > ${node.max}`;
  if (node.type === 'u64' || node.type === 'i64') {
    const range = node.type === 'u64' && least === '' ? ` || ${x} < 0` : least;
    return `if (!Number.isSafeInteger(${x})${range}${most}) return -1;`;
  }
  const isSigned = min < 0;
  const isWhole = isSigned ? `(${x} | 0) !== ${x}` : `(${x} >>> 0) !== ${x}`;
  // Of the narrower ones, the comparison with their range is left when neither bound was set.
  const lower = isSigned ? ` || ${x} < ${node.min}` : least;
  const upper = max < 0x7fff_ffff ? ` || ${x} > ${node.max}` : most;
  return `if (${isWhole}${lower}${upper}) return -1;`;
}

/**
 * Statements that write the expression `x`, a name that was checked, to `t` from `o` on.
 *
 * @param key bytes that come before it. Where there is one way to write a number, its token goes with them.
 */
export function scalarWrite(source: SourceText, node: ScalarNode, x: string, key: readonly number[]): string {
  switch (node.kind) {
    case 'integer':
      return integerWrite(source, node, x, key);
    case 'bigint':
      return `${bytesWrite(source, key)} ${source.value(bigInt64)}[0] = ${x}; ${wordsWrite(source, node.type === 'u64' ? 0xcf : 0xd3)}`;
    case 'float':
      return node.type === 'f64'
        ? float64Write(source, x, key)
        : `${bytesWrite(source, key)} ${float32Write(source, x)}`;
    case 'boolean':
      return `${bytesWrite(source, key)} t[o] = ${x} ? 0xc3 : 0xc2; o += 1;`;
  }
}

function integerWrite(source: SourceText, node: IntegerNode, x: string, key: readonly number[]): string {
  const [min, max] = INTEGER_RANGES[node.type];
  const anyInteger = `o = ${source.value(writeInteger)}(${x}, t, o);`;
  const before = bytesWrite(source, key);
  if (node.type === 'u64' || node.type === 'i64')
    return source.hasData ? longWrite(source, x, key, `${before} ${anyInteger}`) : `${before} ${anyInteger}`;
  const positive = [
    `if (${x} < 0x80) { t[o] = ${x}; o += 1; }`,
    ...(max > 0x7f ? [`if (${x} < 0x100) { t[o] = 0xcc; t[o + 1] = ${x}; o += 2; }`] : []),
    ...(max > 0xff ? [`if (${x} < 0x10000) { t[o] = 0xcd; ${put16(source, 'o + 1', x)} o += 3; }`] : []),
    ...(max > 0xffff ? [`{ t[o] = 0xce; ${put32(source, 'o + 1', x)} o += 5; }`] : []),
  ].join(' else ');
  return `${before} ${min < 0 ? `if (${x} < 0) ${anyInteger} else ${positive}` : positive}`;
}

/** Times and numbers that count them are beyond 32 bits, and written with two stores. */
function longWrite(source: SourceText, x: string, key: readonly number[], otherwise: string): string {
  return (
    `if (${x} > 0xffffffff) { ${bytesWrite(source, [...key, 0xcf])} D.setUint32(o, ${x} / 4294967296); ` +
    `D.setUint32(o + 4, ${x}); o += 8; } else { ${otherwise} }`
  );
}

function float64Write(source: SourceText, x: string, key: readonly number[]): string {
  if (source.hasData) return `${bytesWrite(source, [...key, 0xcb])} D.setFloat64(o, ${x}); o += 8;`;
  return `${bytesWrite(source, key)} ${source.value(float64)}[0] = ${x}; ${wordsWrite(source, 0xcb)}`;
}

function float32Write(source: SourceText, x: string): string {
  if (source.hasData) return `t[o] = 0xca; D.setFloat32(o + 1, ${x}); o += 5;`;
  const word = `${source.value(words)}[0]`;
  return `${source.value(float32)}[0] = ${x}; t[o] = 0xca; ${put32(source, 'o + 1', word)} o += 5;`;
}

/** Writes the eight bytes that `words` hold. */
function wordsWrite(source: SourceText, token: number): string {
  const word = source.value(words);
  const [high, low] = [source.name('h'), source.name('l')];
  return (
    `const ${high} = ${word}[${UPPER}], ${low} = ${word}[${LOWER}]; t[o] = ${token}; ` +
    `${put32(source, 'o + 1', high)} ${put32(source, 'o + 5', low)} o += 9;`
  );
}

/** Writes four bytes, the upper first. */
function put32(source: SourceText, at: string, x: string): string {
  if (source.hasData) return `D.setUint32(${at}, ${x});`;
  return `t[${at}] = ${x} >>> 24; t[${at} + 1] = ${x} >>> 16; t[${at} + 2] = ${x} >>> 8; t[${at} + 3] = ${x};`;
}

/** Writes two bytes, the upper first. */
function put16(source: SourceText, at: string, x: string): string {
  return source.hasData ? `D.setUint16(${at}, ${x});` : `t[${at}] = ${x} >> 8; t[${at} + 1] = ${x};`;
}

/** Writes bytes that are known beforehand. */
export function bytesWrite(source: SourceText, bytes: readonly number[]): string {
  if (bytes.length === 0) return '';
  if (!source.mayInline(bytes.length)) {
    return `o = ${source.value(putBytes)}(t, o, ${source.value(Uint8Array.from(bytes))});`;
  }
  const stores = parts(source, bytes.length).map(({ start, size }) => {
    const value = wordOf(bytes, start, size);
    const at = start === 0 ? 'o' : `o + ${start}`;
    if (size === 1) return `t[${at}] = ${value};`;
    return size === 2 ? put16(source, at, `${value}`) : put32(source, at, `${value}`);
  });
  return `${stores.join(' ')} o += ${bytes.length};`;
}

/** Writes the header of an array or a map whose length is `n`. */
export function headerWrite(source: SourceText, n: string, short: number, token: number): string {
  return (
    `if (${n} < 0x10) { t[o] = ${short} | ${n}; o += 1; } ` +
    `else if (${n} < 0x10000) { t[o] = ${token}; ${put16(source, 'o + 1', n)} o += 3; } ` +
    `else { t[o] = ${token + 1}; ${put32(source, 'o + 1', n)} o += 5; }`
  );
}

/** Writes the header of a struct whose fields are `f0`, `f1`, … */
export function structHeaderWrite(
  source: SourceText,
  { fields }: StructNode,
  layout: Settings['layout'],
): string {
  const optional = fields.flatMap((field, index) => (field.optional ? [`f${index}`] : []));
  if (layout === 'array' || optional.length === 0)
    return bytesWrite(source, containerHeader(layout, fields.length));
  const counts = optional.map((name) => `(${name} === undefined ? 0 : 1)`);
  const count = `${fields.length - optional.length} + ${counts.join(' + ')}`;
  if (fields.length < 0x10) return `t[o] = 0x80 | (${count}); o += 1;`;
  return `const n = ${count}; ${headerWrite(source, 'n', 0x80, 0xde)}`;
}

/** A field of `x`; never what every object inherits under that name. */
export function propertyOf(x: string, name: string): string {
  const item = `${x}[${quoted(name)}]`;
  return name in Object.prototype ? `(Object.hasOwn(${x}, ${quoted(name)}) ? ${item} : undefined)` : item;
}

export function putBytes(target: Uint8Array, offset: number, bytes: Uint8Array): number {
  for (let index = 0; index < bytes.length; index += 1) target[offset + index] = bytes[index]!;
  return offset + bytes.length;
}
