import { ownCopy } from '../own-copy.js';
import { dataOf, viewOf, type WordBytes } from '../word-bytes.js';
import type { Read, Reads } from './closures.js';
import { hasLast, keepText, LastTexts, SHORTEST_READ } from './last-text.js';
import { containerHeader, keyBytes, leastSize, structHeaderSize, textBytes } from './layout.js';
import { bytesMatch, float32Load, float64Load, get16, get32, get64, wordsLoad } from './load-source.js';
import {
  type ArrayNode,
  alike,
  type BigintNode,
  type BytesNode,
  type FieldNode,
  type FloatNode,
  INTEGER_RANGES,
  type IntegerNode,
  type OneOfNode,
  type ShapeNode,
  type StringNode,
  type StructNode,
  takesNil,
  type UnionNode,
  visit,
} from './node.js';
import { bigInt64, bigUint64 } from './number-bytes.js';
import { Reader } from './reader.js';
import { quoted, SourceText } from './source-text.js';
import { isFaithful, readText } from './text.js';

/** Reads the value between two positions, and throws for what it cannot read. */
export type FastDecode<Source = Uint8Array> = (source: Source, start: number, end: number) => unknown;

/** The functions that read the values of a shape. */
export interface FastDecodes {
  /** From any bytes that no other thread can change. */
  readonly any: FastDecode;
  /** From bytes that carry their words. */
  readonly words: FastDecode<WordBytes>;
}

/** Where a function that reads tells its caller how far it came. */
export interface Progress {
  position: number;
}

/** Values of `oneOf` up to which they are compared one by one. */
const FEW_VALUES = 16;
/** Floats from which on a `DataView` pays for itself. */
const MANY_FLOATS = 24;

/**
 * Generates the functions that read the values of a shape in the form in which the generated encoder writes them. What it
 * meets in another form it leaves to the function of `reads` for that part.
 *
 * In the generated text `s` is the source, `p` the position, `b` where the function began, `e` the end, and `S` the
 * {@link Progress}. `rest` is how many bytes the function needs after some value at least: that many are known to be there
 * whenever a value has been read, so that the next one's first bytes need no check.
 */
export function generateDecode(node: ShapeNode, reads: Reads, progress: Progress): FastDecodes {
  const withData = new DecodeGenerator(reads, progress, true).compile(node);
  let plain: FastDecode | undefined;
  return {
    any(source, start, end) {
      if (dataOf(source) !== undefined) return withData(source, start, end);
      plain ??= new DecodeGenerator(reads, progress, false).compile(node);
      return plain(source, start, end);
    },
    words: withData,
  };
}

class DecodeGenerator {
  readonly #reads: Reads;
  readonly #source: SourceText;
  readonly #structs = new Map<StructNode, string>();
  readonly #slow = new Map<ShapeNode, string>();
  readonly #sizes = new Map<ShapeNode, number>();
  readonly #lastTexts = new LastTexts(SHORTEST_READ);
  readonly #progress: Progress;
  readonly #S: string;

  /** @param hasData says that the source carries a `DataView` of itself. */
  constructor(reads: Reads, progress: Progress, hasData: boolean) {
    this.#reads = reads;
    this.#source = new SourceText(hasData);
    this.#progress = progress;
    this.#S = this.#source.value(progress);
  }

  compile(node: ShapeNode): FastDecode {
    if (node.kind === 'struct') return this.#source.compile(this.#struct(node)) as FastDecode;
    const name = this.#source.name('decode');
    const slowly = `return ${this.#slowly(node)}(s, b, e);`;
    this.#source.addFunction(
      `function ${name}(s, b, e) { ${this.#source.dataOf('s')} let p = b; if (p >= e) ${slowly} let x; ` +
        `${this.#value(node, 'x', 0, slowly)} ${this.#S}.position = p; return x; }`,
    );
    return this.#source.compile(name) as FastDecode;
  }

  #least(node: ShapeNode): number {
    return leastSize(node, this.#reads.settings, this.#sizes);
  }

  /** The name of the function that reads a node in any form. */
  #slowly(node: ShapeNode): string {
    const known = this.#slow.get(node);
    if (known !== undefined) return known;
    const name = this.#source.value(readerOf(this.#reads.of(node), this.#progress));
    this.#slow.set(node, name);
    return name;
  }

  /** Statements that read into the variable `x`. `slowly` is the statement for what is not as expected. */
  #value(node: ShapeNode, x: string, rest: number, slowly: string): string {
    return visit(node, {
      ...alike(['timestamp', 'unknown', 'map'], (other) => this.#call(other, x, rest, slowly)),
      integer: (integer) => this.#integer(integer, x, rest, slowly),
      bigint: (bigint) => this.#bigint(bigint, x, rest, slowly),
      float: (float) => this.#float(float, x, rest, slowly),
      boolean: () =>
        `if (s[p] === 0xc3) ${x} = true; else if (s[p] === 0xc2) ${x} = false; else ${slowly} p += 1;`,
      string: (string) => this.#string(string, x, rest, slowly),
      bytes: (bytes) => this.#bytes(bytes, x, rest, slowly),
      oneOf: (oneOf) => this.#oneOf(oneOf, x, rest, slowly),
      nullable: ({ of }) => {
        const least = this.#least(of);
        const check = least > 1 ? `if (p + ${least + rest} > e) ${slowly}` : '';
        return `if (s[p] === 0xc0) { ${x} = null; p += 1; } else { ${check} ${this.#value(of, x, rest, slowly)} }`;
      },
      array: (array) => this.#array(array, x, rest, slowly),
      struct: (struct) => this.#called(this.#struct(struct), x, rest, slowly),
      union: (union) => this.#union(union, x, rest, slowly),
    });
  }

  /** Leaves the value to the function that reads it in any form. */
  #call(node: ShapeNode, x: string, rest: number, slowly: string): string {
    return this.#called(this.#slowly(node), x, rest, slowly, numberHint(node));
  }

  #called(name: string, x: string, rest: number, slowly: string, hint = ''): string {
    const check = rest === 0 ? '' : ` if (p + ${rest} > e) ${slowly}`;
    return `${x} = ${name}(s, p, e)${hint}; p = ${this.#S}.position;${check}`;
  }

  #integer(node: IntegerNode, x: string, rest: number, slowly: string): string {
    const [min, max] = INTEGER_RANGES[node.type];
    const isSigned = min < 0;
    const cases = [`if (${x} < 0x80) p += 1;`];
    const add = (token: number, size: number, value: string) =>
      cases.push(`if (${x} === ${token} && ${fits(size, rest)}) { ${x} = ${value}; p += ${size}; }`);
    if (max > 0x7f) add(0xcc, 2, 's[p + 1]');
    if (max > 0xff) add(0xcd, 3, get16(this.#source, 'p + 1'));
    if (max > 0xffff) add(0xce, 5, `(${get32(this.#source, 'p + 1')}) >>> 0`);
    if (max > 0xffff_ffff) add(0xcf, 9, get64(this.#source, false));
    if (isSigned) {
      cases.push(`if (${x} >= 0xe0) { ${x} -= 0x100; p += 1; }`);
      add(0xd0, 2, 's[p + 1] << 24 >> 24');
      if (min < -0x80) add(0xd1, 3, `${get16(this.#source, 'p + 1')} << 16 >> 16`);
      if (min < -0x8000) add(0xd2, 5, get32(this.#source, 'p + 1'));
      if (min < -0x8000_0000) add(0xd3, 9, get64(this.#source, true));
    }
    if (max > 0xffff_ffff) cases.push(this.#wholeFloat(x, rest, slowly));
    cases.push(`{ ${this.#call(node, x, rest, slowly)} }`);
    const isCovered = !isSigned && node.min === min && node.max === max && max <= 0xffff_ffff;
    return `${x} = s[p]; ${cases.join(' else ')} ${isCovered ? '' : rangeCheck(node, x, slowly)}`;
  }

  /** msgpackr writes integers beyond 32 bits as floats. Adding 0 makes 0 of -0. */
  #wholeFloat(x: string, rest: number, slowly: string): string {
    return (
      `if (${x} === 0xcb && ${fits(9, rest)}) { ${float64Load(this.#source, x)} ${x} += 0; ` +
      `if (!Number.isInteger(${x})) ${slowly} p += 9; }`
    );
  }

  #bigint(node: BigintNode, x: string, rest: number, slowly: string): string {
    const isUnsigned = node.type === 'u64';
    const value = this.#source.value(isUnsigned ? bigUint64 : bigInt64);
    return (
      `if (s[p] === ${isUnsigned ? 0xcf : 0xd3} && ${fits(9, rest)}) { ${wordsLoad(this.#source)} ${x} = ${value}[0]; p += 9; } ` +
      `else { ${this.#call(node, x, rest, slowly)} }`
    );
  }

  #float(node: FloatNode, x: string, rest: number, slowly: string): string {
    return node.type === 'f64'
      ? `if (s[p] === 0xcb && ${fits(9, rest)}) { ${float64Load(this.#source, x)} p += 9; } ` +
          `else if (s[p] < 0x80) { ${x} = s[p]; p += 1; } else { ${this.#call(node, x, rest, slowly)} }`
      : `if (s[p] === 0xca && ${fits(5, rest)}) { ${float32Load(this.#source, x)} p += 5; } ` +
          `else { ${this.#call(node, x, rest, slowly)} }`;
  }

  #string({ maxLength = Infinity }: StringNode, x: string, rest: number, slowly: string): string {
    const { maxTextBytes, strictUtf8 } = this.#reads.settings;
    const n = this.#source.name('n');
    const most = Math.min(maxLength, maxTextBytes);
    const limit = most < 0xffff ? `${n} > ${most} || ` : '';
    const strict = strictUtf8
      ? `if (!${this.#source.value(isFaithful)}(${x}, s, p - ${n}, ${n})) ${slowly}`
      : '';
    return (
      `let ${n} = s[p]; if ((${n} & 0xe0) === 0xa0) { ${n} &= 0x1f; p += 1; } ` +
      `else if (${n} === 0xd9 && p + 2 <= e) { ${n} = s[p + 1]; p += 2; } ` +
      `else if (${n} === 0xda && p + 3 <= e) { ${n} = ${get16(this.#source, 'p + 1')}; p += 3; } else ${slowly} ` +
      `if (${limit}p + ${n} + ${rest} > e) ${slowly} ` +
      `${x} = ${this.#source.value(readText)}(s, p, ${n}); p += ${n}; ${strict}`
    );
  }

  #bytes({ maxLength = Infinity, copy }: BytesNode, x: string, rest: number, slowly: string): string {
    const n = this.#source.name('n');
    const most = Math.min(maxLength, this.#reads.settings.maxBinaryBytes);
    const take = this.#source.value(copy ? ownCopy : viewOf);
    return (
      `let ${n} = s[p]; if (${n} === 0xc4 && p + 2 <= e) { ${n} = s[p + 1]; p += 2; } ` +
      `else if (${n} === 0xc5 && p + 3 <= e) { ${n} = ${get16(this.#source, 'p + 1')}; p += 3; } ` +
      `else if (${n} === 0xc6 && p + 5 <= e) { ${n} = (${get32(this.#source, 'p + 1')}) >>> 0; p += 5; } else ${slowly} ` +
      `if (${n} > ${most} || p + ${n} + ${rest} > e) ${slowly} ${x} = ${take}(s, p, p + ${n}); p += ${n};`
    );
  }

  #oneOf(node: OneOfNode, x: string, rest: number, slowly: string): string {
    if (node.values.length > FEW_VALUES) return this.#call(node, x, rest, slowly);
    const cases = node.values.map((value) => {
      const bytes = textBytes(value);
      const check = bytes.length === 1 ? '' : `${fits(bytes.length, rest)} && `;
      return `if (${check}${bytesMatch(this.#source, bytes, 'p')}) { ${x} = ${quoted(value)}; p += ${bytes.length}; }`;
    });
    return `${cases.join(' else ')} else { ${this.#call(node, x, rest, slowly)} }`;
  }

  #array(node: ArrayNode, x: string, rest: number, slowly: string): string {
    const { settings } = this.#reads;
    const most = Math.min(node.maxItems ?? Infinity, settings.maxItems);
    const least = this.#least(node.item);
    const [n, i, y] = [this.#source.name('n'), this.#source.name('i'), this.#source.name('y')];
    const many =
      node.item.kind === 'float' && node.item.type === 'f64'
        ? `if (${n} >= ${MANY_FLOATS}) { ${i} = ${this.#source.value(readFloats)}(s, p, e, ${x}, ${n}, ${this.#S}); p = ${this.#S}.position; }`
        : '';
    const item = this.#value(node.item, y, 0, slowly);
    return (
      `let ${n} = s[p]; if ((${n} & 0xf0) === 0x90) { ${n} &= 0x0f; p += 1; } ` +
      `else if (${n} === 0xdc && p + 3 <= e) { ${n} = ${get16(this.#source, 'p + 1')}; p += 3; } ` +
      `else if (${n} === 0xdd && p + 5 <= e) { ${n} = (${get32(this.#source, 'p + 1')}) >>> 0; p += 5; } else ${slowly} ` +
      `if (${n} > ${most} || ${n} * ${least} > e - p) ${slowly} ` +
      `${x} = new Array(${n}); let ${i} = 0; ${many} ` +
      `for (; ${i} < ${n}; ${i}++) { if (p + ${least} > e) ${slowly} let ${y}; ${item} ${x}[${i}] = ${y}; } ` +
      `if (p + ${rest} > e) ${slowly}`
    );
  }

  #union(node: UnionNode, x: string, rest: number, slowly: string): string {
    const key = this.#reads.settings.layout === 'map' ? textBytes(node.tag) : [];
    const q = this.#source.name('q');
    const cases = node.variants.map(({ name, struct }) => {
      const bytes = [...key, ...textBytes(name)];
      const check = `${q} + ${bytes.length} <= e && ${bytesMatch(this.#source, bytes, q)}`;
      return `if (${check}) ${x} = ${this.#struct(struct)}(s, p, e);`;
    });
    return (
      `const ${q} = (s[p] & 0xe0) === 0x80 ? p + 1 : p + 3; ` +
      `${cases.join(' else ')} else ${x} = ${this.#slowly(node)}(s, p, e); ` +
      `p = ${this.#S}.position; if (p + ${rest} > e) ${slowly}`
    );
  }

  /** The name of the function that reads a struct. */
  #struct(node: StructNode): string {
    const known = this.#structs.get(node);
    if (known !== undefined) return known;
    const name = this.#source.name('struct');
    this.#structs.set(node, name);
    const slowly = `return ${this.#slowly(node)}(s, b, e);`;
    const isMap = this.#reads.settings.layout === 'map';
    const hasCount = isMap && node.fields.some(({ optional }) => optional);
    let rest = this.#least(node) - (hasCount ? 1 : structHeaderSize(node));
    const header = this.#structHeader(node, hasCount, rest, slowly);
    const keeps: string[] = [];
    const reads = node.fields.map((field, index) => {
      const size = isMap && field.optional ? 0 : this.#fieldSize(field);
      rest -= size;
      return isMap
        ? this.#mapField(field, `f${index}`, rest, slowly, keeps)
        : this.#arrayField(field, `f${index}`, rest, slowly, keeps);
    });
    this.#source.addFunction(
      `function ${name}(s, b, e) {
        ${this.#source.dataOf('s')}
        let p = b;
        if (p + ${this.#least(node)} > e) ${slowly}
        ${header}
        ${reads.join('\n')}
        ${hasCount ? `if (n !== 0) ${slowly}` : ''}
        ${keeps.join('\n')}
        ${this.#S}.position = p;
        ${assemble(node)}
      }`,
    );
    return name;
  }

  #fieldSize(field: FieldNode): number {
    const value = field.optional ? 1 : this.#least(field.node);
    return keyBytes(field, this.#reads.settings).length + value;
  }

  /** Reads the header; where fields may be missing, `n` is how many of them are there. */
  #structHeader({ fields }: StructNode, hasCount: boolean, rest: number, slowly: string): string {
    const { layout } = this.#reads.settings;
    if (!hasCount) {
      const bytes = containerHeader(layout, fields.length);
      // The longer form is what msgpackr writes for every map.
      const long = [layout === 'map' ? 0xde : 0xdc, fields.length >> 8, fields.length & 0xff];
      return (
        `if (${bytesMatch(this.#source, bytes, 'p')}) p += ${bytes.length}; ` +
        `else if (${fits(3, rest)} && ${bytesMatch(this.#source, long, 'p')}) p += 3; else ${slowly}`
      );
    }
    const required = fields.filter(({ optional }) => !optional).length;
    return (
      `let n; if (s[p] === 0xde && ${fits(3, rest)}) { n = ${get16(this.#source, 'p + 1')}; p += 3; } ` +
      `else { n = s[p] ^ 0x80; if (n > 15) ${slowly} p += 1; } ` +
      `if (n < ${required} || n > ${fields.length}) ${slowly} n -= ${required};`
    );
  }

  #mapField(field: FieldNode, x: string, rest: number, slowly: string, keeps: string[]): string {
    const key = keyBytes(field, this.#reads.settings);
    const value = `p += ${key.length}; ${this.#value(field.node, x, rest, slowly)}`;
    if (!field.optional) {
      const read = () => `if (!(${bytesMatch(this.#source, key, 'p')})) ${slowly} ${value}`;
      const number = this.#withToken(field.node, key, x, rest, slowly, read);
      return `let ${x}; ${number ?? this.#withLast(field, x, rest, read(), keeps)}`;
    }
    const matches = bytesMatch(this.#source, key, 'p');
    const size = this.#fieldSize({ ...field, optional: false }) + rest;
    const nil = takesNil(field.node) ? '' : `if (s[p + ${key.length}] === 0xc0) ${slowly}`;
    const read = `if (n > 0 && p + ${size} <= e && ${matches}) { ${nil} n -= 1; ${value} }`;
    return `let ${x}; ${this.#withLast(field, x, rest, read, keeps)}`;
  }

  /**
   * Statements that read a number and its key, which are compared at once with the token that most numbers of its kind have. Undefined
   * for other fields.
   *
   * @param otherwise reads them where there is another token, or another key.
   */
  #withToken(
    node: ShapeNode,
    key: readonly number[],
    x: string,
    rest: number,
    slowly: string,
    otherwise: () => string,
  ): string | undefined {
    if (!this.#source.hasData) return undefined;
    const read = (token: number, load: string) =>
      `if (${fits(key.length + 9, rest)} && ${bytesMatch(this.#source, [...key, token], 'p')}) ` +
      `{ p += ${key.length}; ${load} p += 9; } else { ${otherwise()} }`;
    if (node.kind === 'float' && node.type === 'f64') return read(0xcb, float64Load(this.#source, x));
    if (node.kind !== 'integer' || (node.type !== 'u64' && node.type !== 'i64')) return undefined;
    return read(0xcf, `${x} = ${get64(this.#source, false)}; ${rangeCheck(node, x, slowly)}`);
  }

  /**
   * Statements that read a field, its key included: where it is the last text of that field, nothing is read again.
   *
   * @param keeps takes what is to be done when all fields are read.
   */
  #withLast(field: FieldNode, x: string, rest: number, read: string, keeps: string[]): string {
    const lastText = this.#source.hasData ? this.#lastTexts.of(field) : undefined;
    if (lastText === undefined) return read;
    const last = this.#source.value(lastText);
    const key = this.#source.value(Uint8Array.from(keyBytes(field, this.#reads.settings)));
    keeps.push(`if (!${x}l) ${this.#source.value(keepText)}(${last}, ${key}, ${x});`);
    const isCounted = field.optional && this.#reads.settings.layout === 'map';
    return (
      `let ${x}l = false; if (${isCounted ? 'n > 0 && ' : ''}p + ${last}.size + ${rest} <= e && ${this.#source.value(hasLast)}(D, p, ${last})) { ` +
      `${isCounted ? 'n -= 1; ' : ''}${x} = ${last}.text; p += ${last}.size; ${x}l = true; } else { ${read} }`
    );
  }

  #arrayField(field: FieldNode, x: string, rest: number, slowly: string, keeps: string[]): string {
    if (!field.optional) {
      return `let ${x}; ${this.#withLast(field, x, rest, this.#value(field.node, x, rest, slowly), keeps)}`;
    }
    const least = this.#least(field.node);
    const check = least > 1 ? `if (p + ${least + rest} > e) ${slowly}` : '';
    const value = `${check} ${this.#value(field.node, x, rest, slowly)}`;
    return `let ${x}; if (s[p] === 0xc0) p += 1; else { ${value} }`;
  }
}

/** The object, its fields in the order of the shape; those that are missing are not there. */
function assemble({ fields }: StructNode): string {
  const literal = (some: readonly FieldNode[]) =>
    `{ ${some.map((field) => `${quoted(field.name)}: f${fields.indexOf(field)}`).join(', ')} }`;
  const optional = fields.filter((field) => field.optional);
  if (optional.length === 0) return `return ${literal(fields)};`;
  const isThere = optional.map((field) => `f${fields.indexOf(field)} !== undefined`);
  const isMissing = optional.map((field) => `f${fields.indexOf(field)} === undefined`);
  const steps = fields.map((field, index) => {
    const set = `object[${quoted(field.name)}] = f${index};`;
    return field.optional ? `if (f${index} !== undefined) ${set}` : set;
  });
  return (
    `if (${isThere.join(' && ')}) return ${literal(fields)}; ` +
    `if (${isMissing.join(' && ')}) return ${literal(fields.filter((field) => !field.optional))}; ` +
    `const object = {}; ${steps.join(' ')} return object;`
  );
}

/** What changes no number of that kind, and tells V8 which kind it is. Without it each number would be boxed twice. */
function numberHint(node: ShapeNode): string {
  if (node.kind === 'float') return ' * 1';
  if (node.kind !== 'integer') return '';
  if (node.type === 'u64' || node.type === 'i64') return ' * 1';
  return INTEGER_RANGES[node.type][0] < 0 ? ' | 0' : ' >>> 0';
}

function rangeCheck({ min, max }: IntegerNode, x: string, slowly: string): string {
  return `if (${x} < ${min} || ${x} > ${max}) ${slowly}`;
}

/** Whether so many bytes are there, and the rest after them. */
function fits(size: number, rest: number): string {
  return `p + ${size + rest} <= e`;
}

function readerOf(read: Read, progress: Progress): FastDecode {
  return (source, start, end) => {
    const reader = new Reader(source, start, end);
    const value = read(reader);
    progress.position = reader.position;
    return value;
  };
}

/** Reads floats of 64 bits for as long as they come. Returns how many those were. */
function readFloats(
  source: Uint8Array,
  position: number,
  end: number,
  items: number[],
  count: number,
  progress: Progress,
): number {
  const view = new DataView(source.buffer, source.byteOffset, end);
  let at = position;
  let index = 0;
  while (index < count && at + 9 <= end && source[at] === 0xcb) {
    items[index] = view.getFloat64(at + 1);
    at += 9;
    index += 1;
  }
  progress.position = at;
  return index;
}
