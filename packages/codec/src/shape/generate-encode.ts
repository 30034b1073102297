import type { Codec } from '../codec.js';
import { msgpack } from '../msgpack.js';
import { byteLengthOf, copyUserBytes, isDetached } from '../user-bytes.js';
import { entriesOfMap, sizeOfMap } from '../user-map.js';
import { dataOf, type WordBytes } from '../word-bytes.js';
import { keepText, type LastTexts, putLast } from './last-text.js';
import { fixedSize, isFixed, keyBytes, structHeaderSize, textBytes } from './layout.js';
import { changedMap } from './mismatch.js';
import {
  type ArrayNode,
  alike,
  type BytesNode,
  type FieldNode,
  type MapNode,
  type OneOfNode,
  type ShapeNode,
  type StringNode,
  type StructNode,
  type UnionNode,
  visit,
} from './node.js';
import { putBinaryHeader } from './number-bytes.js';
import {
  bytesWrite,
  headerWrite,
  isScalar,
  propertyOf,
  putBytes,
  type ScalarNode,
  scalarCheck,
  scalarWrite,
  structHeaderWrite,
} from './scalar-source.js';
import type { Settings } from './settings.js';
import { quoted, SourceText } from './source-text.js';
import { writeText } from './text.js';
import { writeTimestamp } from './timestamp-bytes.js';

/**
 * Writes a value below `limit`. Returns the offset after it, or -1 for anything that is not as simple as can be: the value
 * does not fit, there might not be room. Its caller then takes the long way, which knows why.
 */
export type FastEncode<Target = Uint8Array> = (
  value: unknown,
  target: Target,
  offset: number,
  limit: number,
) => number;

/** The functions that write the values of a shape. */
export interface FastEncodes {
  /** To any bytes. */
  readonly any: FastEncode;
  /** To bytes that carry their words. */
  readonly words: FastEncode<WordBytes>;
}

/** Values of `oneOf` up to which they are compared one by one. */
const FEW_VALUES = 16;

const NO_KEY: readonly number[] = [];

/**
 * Generates the functions that write the values of a shape.
 *
 * In the generated text `v` is the value, `t` the target, `o` the offset, and `L` the limit, from which the caller has taken
 * away what it will write afterwards. `rest` is what is written after some value within the same function.
 */
export function generateEncode(node: ShapeNode, settings: Settings, lastTexts: LastTexts): FastEncodes {
  const withData = new EncodeGenerator(settings, lastTexts).compile(node);
  let plain: FastEncode | undefined;
  return {
    any(value, target, offset, limit) {
      if (dataOf(target) !== undefined) return withData(value, target, offset, limit);
      plain ??= new EncodeGenerator(settings, undefined).compile(node);
      return plain(value, target, offset, limit);
    },
    words: withData,
  };
}

class EncodeGenerator {
  readonly #settings: Settings;
  readonly #codec: Codec<unknown>;
  readonly #source: SourceText;
  readonly #lastTexts: LastTexts | undefined;
  readonly #structs = new Map<StructNode, string>();

  /** @param lastTexts where the target carries a `DataView` of itself. */
  constructor(settings: Settings, lastTexts: LastTexts | undefined) {
    this.#settings = settings;
    this.#lastTexts = lastTexts;
    this.#source = new SourceText(lastTexts !== undefined);
    this.#codec = msgpack({ maxItems: settings.maxItems, maxDepth: settings.maxDepth });
  }

  compile(node: ShapeNode): FastEncode {
    if (node.kind === 'struct') return this.#source.compile(this.#struct(node)) as FastEncode;
    const name = this.#source.name('encode');
    const value = this.#value(node, 'v', '0');
    this.#source.addFunction(
      `function ${name}(v, t, o, L) { if (o + ${fixedSize(node)} > L) return -1; ${this.#source.dataOf('t')} ${value} return o; }`,
    );
    return this.#source.compile(name) as FastEncode;
  }

  /** Statements that write the expression `x`, a name or `v`, or return -1. */
  #value(node: ShapeNode, x: string, rest: string): string {
    return visit(node, {
      ...alike(['integer', 'bigint', 'float', 'boolean'], (scalar) => this.#scalar(scalar, x, NO_KEY)),
      timestamp: () =>
        `if (!(${x} instanceof Date)) return -1; o = ${this.#source.value(writeDate)}(${x}, t, o); if (o < 0) return -1;`,
      unknown: () =>
        `o = ${this.#source.value(this.#unknown)}(${x}, t, o, L - (${rest})); if (o < 0) return -1;`,
      string: (string) => this.#string(string, x, rest),
      bytes: (bytes) => this.#bytes(bytes, x, rest),
      oneOf: (oneOf) => this.#oneOf(oneOf, x),
      nullable: ({ of }) =>
        `if (${x} === null) { t[o] = 0xc0; o += 1; } else { ${this.#value(of, x, rest)} }`,
      array: (array) => this.#array(array, x, rest),
      map: (map) => this.#map(map, x, rest),
      struct: (struct) => `o = ${this.#struct(struct)}(${x}, t, o, L - (${rest})); if (o < 0) return -1;`,
      union: (union) => this.#union(union, x, rest),
    });
  }

  #scalar(node: ScalarNode, x: string, key: readonly number[]): string {
    return `${scalarCheck(node, x)} ${scalarWrite(this.#source, node, x, key)}`;
  }

  #string({ maxLength = Infinity }: StringNode, x: string, rest: string): string {
    const most = Math.min(maxLength, Math.floor(this.#settings.maxTextBytes / 3));
    return (
      `if (typeof ${x} !== 'string' || ${x}.length > ${most}) return -1; ` +
      `o = ${this.#source.value(writeText)}(${x}, t, o, L - (${rest})); if (o < 0) return -1;`
    );
  }

  #bytes(node: BytesNode, x: string, rest: string): string {
    const most = Math.min(node.maxLength ?? Infinity, this.#settings.maxBinaryBytes);
    return (
      `if (!(${x} instanceof Uint8Array)) return -1; ` +
      `o = ${this.#source.value(writeBytes)}(${x}, t, o, L - (${rest}), ${most}); if (o < 0) return -1;`
    );
  }

  #oneOf(node: OneOfNode, x: string): string {
    if (node.values.length > FEW_VALUES) {
      const known = this.#source.value(
        new Map(node.values.map((value) => [value, Uint8Array.from(textBytes(value))])),
      );
      const found = this.#source.name('found');
      return (
        `const ${found} = ${known}.get(${x}); if (${found} === undefined) return -1; ` +
        `o = ${this.#source.value(putBytes)}(t, o, ${found});`
      );
    }
    const cases = node.values.map(
      (value) => `case ${quoted(value)}: ${bytesWrite(this.#source, textBytes(value))} break;`,
    );
    return `switch (${x}) { ${cases.join(' ')} default: return -1; }`;
  }

  #array(node: ArrayNode, x: string, rest: string): string {
    const most = Math.min(node.maxItems ?? Infinity, this.#settings.maxItems);
    const [n, i, y] = [this.#source.name('n'), this.#source.name('i'), this.#source.name('y')];
    const size = fixedSize(node.item);
    const after = isFixed(node.item) || size === 0 ? rest : `${rest} + (${n} - 1 - ${i}) * ${size}`;
    return (
      `if (!Array.isArray(${x})) return -1; const ${n} = ${x}.length; ` +
      `if (${n} >>> 0 !== ${n} || ${n} > ${most} || o + 5 + ${n} * ${size} > L - (${rest})) return -1; ` +
      `${headerWrite(this.#source, n, 0x90, 0xdc)} ` +
      `for (let ${i} = 0; ${i} < ${n}; ${i}++) { const ${y} = ${x}[${i}]; ${this.#value(node.item, y, after)} }`
    );
  }

  #map(node: MapNode, x: string, rest: string): string {
    const [n, i] = [this.#source.name('n'), this.#source.name('i')];
    const [k, y] = [this.#source.name('key'), this.#source.name('y')];
    const sizes = [fixedSize(node.key), fixedSize(node.value)] as const;
    const each = sizes[0] + sizes[1];
    const after = `${rest} + (${n} - ${i}) * ${each}`;
    const body = `${this.#value(node.key, k, `${after} + ${sizes[1]}`)} ${this.#value(node.value, y, after)}`;
    const start =
      `if (${n} > ${this.#settings.maxItems} || o + 5 + ${n} * ${each} > L - (${rest})) return -1; ` +
      `${headerWrite(this.#source, n, 0x80, 0xde)} let ${i} = 0;`;
    if (node.as === 'map') {
      const changed = this.#source.value(throwChanged);
      return (
        `if (!(${x} instanceof Map)) return -1; const ${n} = ${this.#source.value(sizeOfMap)}(${x}); ${start} ` +
        `for (const [${k}, ${y}] of ${this.#source.value(entriesOfMap)}(${x})) { ${i} += 1; if (${i} > ${n}) ${changed}(); ${body} } ` +
        `if (${i} !== ${n}) ${changed}();`
      );
    }
    const keys = this.#source.name('keys');
    return (
      `const ${keys} = ${this.#source.value(recordKeys)}(${x}); if (${keys} === undefined) return -1; ` +
      `const ${n} = ${keys}.length; ${start} ` +
      `for (const ${k} of ${keys}) { ${i} += 1; const ${y} = ${x}[${k}]; ${body} }`
    );
  }

  #union(node: UnionNode, x: string, rest: string): string {
    const cases = node.variants.map(
      ({ name, struct }) =>
        `case ${quoted(name)}: o = ${this.#struct(struct)}(${x}, t, o, L - (${rest})); break;`,
    );
    return (
      `if (typeof ${x} !== 'object' || ${x} === null) return -1; ` +
      `switch (${propertyOf(x, node.tag)}) { ${cases.join(' ')} default: return -1; } if (o < 0) return -1;`
    );
  }

  /** The name of the function that writes a struct. */
  #struct(node: StructNode): string {
    const known = this.#structs.get(node);
    if (known !== undefined) return known;
    const name = this.#source.name('struct');
    this.#structs.set(node, name);
    const keys = node.fields.map((field) => keyBytes(field, this.#settings));
    const sizes = node.fields.map((field, index) => keys[index]!.length + Math.max(1, fixedSize(field.node)));
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const items = node.fields.map((field, index) => `f${index} = ${propertyOf('v', field.name)}`);
    const flags = node.fields.flatMap((field, index) =>
      this.#lastTexts?.of(field) === undefined ? [] : [`f${index}l = false`],
    );
    const keeps: string[] = [];
    let rest = total;
    const writes = node.fields.map((field, index) => {
      rest -= sizes[index]!;
      const write = this.#field(field, keys[index]!, `f${index}`, String(rest), keeps);
      if (!field.optional) return `{ ${write} }`;
      const missing = this.#settings.layout === 'map' ? '' : 'else { t[o] = 0xc0; o += 1; }';
      return `if (f${index} !== undefined) { ${write} } ${missing}`;
    });
    this.#source.addFunction(
      `function ${name}(v, t, o, L) {
        if (typeof v !== 'object' || v === null || Array.isArray(v)) return -1;
        if (o + ${structHeaderSize(node) + total} > L) return -1;
        ${items.length === 0 ? '' : `const ${items.join(', ')};`}
        ${flags.length === 0 ? '' : `let ${flags.join(', ')};`}
        ${this.#source.dataOf('t')}
        ${structHeaderWrite(this.#source, node, this.#settings.layout)}
        ${writes.join('\n')}
        ${keeps.join('\n')}
        return o;
      }`,
    );
    return name;
  }

  /**
   * Statements that write a field, its key included: where it is the last text of that field, all of it at once.
   *
   * @param keeps takes what is to be done when all fields are written.
   */
  #field(field: FieldNode, key: readonly number[], x: string, rest: string, keeps: string[]): string {
    const write = isScalar(field.node)
      ? this.#scalar(field.node, x, key)
      : `${bytesWrite(this.#source, key)} ${this.#value(field.node, x, rest)}`;
    const lastText = this.#lastTexts?.of(field);
    if (lastText === undefined) return write;
    const last = this.#source.value(lastText);
    const bytes = this.#source.value(Uint8Array.from(key));
    keeps.push(`if (!${x}l) ${this.#source.value(keepText)}(${last}, ${bytes}, ${x});`);
    return (
      `if (o + ${last}.size + ${rest} <= L && ${x} === ${last}.text) ` +
      `{ o = ${this.#source.value(putLast)}(D, o, ${last}); ${x}l = true; } else { ${write} }`
    );
  }

  readonly #unknown = (value: unknown, target: Uint8Array, offset: number, limit: number): number => {
    try {
      // What lies beyond the limit belongs to other code, even if the target goes on.
      const part = new Uint8Array(target.buffer, target.byteOffset, limit);
      return this.#codec.encode(value, part, offset);
    } catch {
      // There is no room, or the long way says what is wrong.
      return -1;
    }
  };
}

function throwChanged(): never {
  throw changedMap();
}

function writeDate(value: Date, target: Uint8Array, offset: number): number {
  const time = Date.prototype.getTime.call(value);
  return Number.isNaN(time) ? -1 : writeTimestamp(time, target, offset);
}

function writeBytes(
  value: Uint8Array,
  target: Uint8Array,
  offset: number,
  limit: number,
  most: number,
): number {
  const length = byteLengthOf(value);
  if (length > most || offset + 5 + length > limit || isDetached(value)) return -1;
  const start = putBinaryHeader(target, offset, length);
  if (length > 32) copyUserBytes(value, length, target, start);
  else for (let index = 0; index < length; index += 1) target[start + index] = value[index]!;
  return start + length;
}

/** The names of a record; undefined for anything else, or with a name that is not allowed. */
function recordKeys(value: unknown): readonly string[] | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Map)
    return undefined;
  return Object.hasOwn(value, '__proto__') ? undefined : Object.keys(value);
}
