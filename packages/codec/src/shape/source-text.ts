/** Bytes of keys up to which a function writes them one by one; beyond, it would become too large to be optimised. */
const INLINE_BYTES = 4096;

/** Collects the text of generated functions and the values that they refer to. */
export class SourceText {
  readonly #functions: string[] = [];
  readonly #values: unknown[] = [];
  #names = 0;
  #inlined = 0;
  /** Whether `D` is a `DataView` of the bytes that are read or written: then numbers and keys take one load or store each. */
  readonly hasData: boolean;

  constructor(hasData: boolean) {
    this.hasData = hasData;
  }

  /** A name that nothing else in this text has. */
  name(prefix: string): string {
    this.#names += 1;
    return `${prefix}${this.#names}`;
  }

  /** The name of a value from outside. */
  value(value: unknown): string {
    const known = this.#values.indexOf(value);
    if (known !== -1) return `k${known}`;
    this.#values.push(value);
    return `k${this.#values.length - 1}`;
  }

  /** The statement that begins a function which reads or writes the bytes `name`. */
  dataOf(name: string): string {
    return this.hasData ? `const D = ${name}.data;` : '';
  }

  addFunction(text: string): void {
    this.#functions.push(text);
  }

  /** Whether so many bytes more may be written one by one. */
  mayInline(count: number): boolean {
    this.#inlined += count;
    return this.#inlined <= INLINE_BYTES;
  }

  /**
   * Compiles the text.
   *
   * @returns the function `root`.
   * @throws `EvalError` where generating code is not allowed.
   */
  compile(root: string): unknown {
    const names = this.#values.map((_, index) => `k${index}`);
    const body = `'use strict';\n${this.#functions.join('\n')}\nreturn ${root};`;
    return new Function(...names, body)(...this.#values);
  }
}

/** A name or a string as program text. The only way in which what users chose gets into the text. */
export function quoted(text: string): string {
  return JSON.stringify(text).replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029');
}

/** A part of bytes that takes one load or store. */
interface Part {
  readonly start: number;
  readonly size: 1 | 2 | 4;
}

/** What so many bytes are taken apart into: as little as can be, where the last part may begin before the end of the one before. */
export function parts({ hasData }: SourceText, length: number): readonly Part[] {
  if (!hasData) return Array.from({ length }, (_, start) => ({ start, size: 1 }));
  if (length >= 4) {
    const count = Math.ceil(length / 4);
    return Array.from({ length: count }, (_, index) => ({ start: Math.min(4 * index, length - 4), size: 4 }));
  }
  const pair: Part = { start: 0, size: 2 };
  if (length < 2) return [{ start: 0, size: 1 }];
  return length === 2 ? [pair] : [pair, { start: 2, size: 1 }];
}

/** Those bytes as a number, the upper first. */
export function wordOf(bytes: readonly number[], start: number, size: number): number {
  return bytes.slice(start, start + size).reduce((word, byte) => word * 0x100 + byte, 0);
}
