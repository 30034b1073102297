import { Mismatch, shownText, unexpected } from './mismatch.js';
import { bigInt64, bigUint64, float32, float64, getUint, getWords, words } from './number-bytes.js';
import { readText } from './text.js';

const ENDS_EARLY = 'the end of the bytes';
const TEXT_SHOWN = 64;

/**
 * Reads msgpack value by value, in any of its forms. What it returns undefined for, it leaves where it is.
 *
 * The source may be memory that others write to. Each byte that decides about lengths is read once and checked then.
 */
export class Reader {
  readonly bytes: Uint8Array;
  readonly end: number;
  position: number;

  constructor(bytes: Uint8Array, position: number, end: number) {
    this.bytes = bytes;
    this.position = position;
    this.end = end;
  }

  /** The first byte of the next value. */
  peek(expected: string): number {
    if (this.position >= this.end) throw unexpected(expected, ENDS_EARLY);
    return this.bytes[this.position]!;
  }

  /** An integer or a float. Integers beyond ±(2^53 - 1) are bigints. */
  number(expected: string): number | bigint | undefined {
    const token = this.peek(expected);
    if (token < 0x80 || token >= 0xe0) {
      this.position += 1;
      return token < 0x80 ? token : token - 0x100;
    }
    if (token < 0xca || token > 0xd3) return undefined;
    const size = NUMBER_SIZES[token - 0xca]!;
    const at = this.#take(1 + size, expected) + 1;
    if (size === 8) return this.#number64(token, at);
    const value = getUint(this.bytes, at, size);
    if (token === 0xca) {
      words[0] = value;
      return float32[0]!;
    }
    if (token < 0xd0) return value;
    const shift = 32 - 8 * size;
    return (value << shift) >> shift;
  }

  #number64(token: number, at: number): number | bigint {
    getWords(this.bytes, at);
    if (token === 0xcb) return float64[0]!;
    const value = token === 0xcf ? bigUint64[0]! : bigInt64[0]!;
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  /** The length of a string, whose bytes come next and are there. */
  textLength(expected: string): number | undefined {
    const token = this.peek(expected);
    if (token >= 0xa0 && token < 0xc0) return this.#content(1, token & 0x1f, expected);
    return token >= 0xd9 && token <= 0xdb ? this.#sizedContent(1 << (token - 0xd9), expected) : undefined;
  }

  /** The length of a bin, whose bytes come next and are there. */
  binaryLength(expected: string): number | undefined {
    const token = this.peek(expected);
    return token >= 0xc4 && token <= 0xc6 ? this.#sizedContent(1 << (token - 0xc4), expected) : undefined;
  }

  /** The items of an array. */
  arrayLength(expected: string): number | undefined {
    const token = this.peek(expected);
    if (token >= 0x90 && token < 0xa0) return this.#children(1, token & 0x0f, 1, expected);
    if (token !== 0xdc && token !== 0xdd) return undefined;
    return this.#sizedChildren(token === 0xdc ? 2 : 4, 1, expected);
  }

  /** The entries of a map. */
  mapLength(expected: string): number | undefined {
    const token = this.peek(expected);
    if (token >= 0x80 && token < 0x90) return this.#children(1, token & 0x0f, 2, expected);
    if (token !== 0xde && token !== 0xdf) return undefined;
    return this.#sizedChildren(token === 0xde ? 2 : 4, 2, expected);
  }

  /** The length of an extension, whose type and bytes come next and are there. */
  extensionLength(expected: string): number | undefined {
    const token = this.peek(expected);
    if (token >= 0xd4 && token <= 0xd8) {
      const length = 1 << (token - 0xd4);
      this.#content(1, length + 1, expected);
      return length;
    }
    if (token < 0xc7 || token > 0xc9) return undefined;
    const size = 1 << (token - 0xc7);
    const length = getUint(this.bytes, this.#take(1 + size, expected) + 1, size);
    this.#content(0, length + 1, expected);
    return length;
  }

  /** Whether the next value is nil, which is then read. */
  nil(expected: string): boolean {
    if (this.peek(expected) !== 0xc0) return false;
    this.position += 1;
    return true;
  }

  /** Passes over one value, of whatever kind. */
  skip(depth: number): void {
    const what = 'a value';
    const token = this.peek(what);
    if (token === 0xc0 || token === 0xc2 || token === 0xc3) {
      this.position += 1;
      return;
    }
    if (this.number(what) !== undefined) return;
    const length = this.textLength(what) ?? this.binaryLength(what);
    if (length !== undefined) {
      this.position += length;
      return;
    }
    const extension = this.extensionLength(what);
    if (extension !== undefined) {
      this.position += 1 + extension;
      return;
    }
    const items = this.arrayLength(what);
    const children = items ?? this.mapLength(what);
    if (children === undefined) throw unexpected(what, this.describe());
    if (depth <= 0) throw new Mismatch('nested too deep');
    for (let left = items === undefined ? 2 * children : children; left > 0; left -= 1) this.skip(depth - 1);
  }

  /** The next value in a few words, as errors name it. It is not read. */
  describe(): string {
    const { position } = this;
    try {
      return this.#describe();
    } catch {
      return ENDS_EARLY;
    } finally {
      this.position = position;
    }
  }

  #describe(): string {
    const token = this.peek('');
    const simple = SIMPLE[token];
    if (simple !== undefined) return simple;
    const number = this.number('');
    if (number !== undefined) return `${typeof number} ${number}`;
    const text = this.textLength('');
    if (text !== undefined) {
      const start = readText(this.bytes, this.position, Math.min(text, TEXT_SHOWN));
      return `string ${shownText(start)}`;
    }
    const binary = this.binaryLength('');
    if (binary !== undefined) return `${binary} bytes`;
    const items = this.arrayLength('');
    if (items !== undefined) return `array of ${items}`;
    const entries = this.mapLength('');
    if (entries !== undefined) return `map of ${entries}`;
    this.extensionLength('');
    const type = (this.bytes[this.position]! << 24) >> 24;
    return type === -1 ? 'timestamp' : `extension of type ${type}`;
  }

  #take(size: number, expected: string): number {
    const at = this.position;
    if (size > this.end - at) throw unexpected(expected, ENDS_EARLY);
    this.position = at + size;
    return at;
  }

  #sizedContent(size: number, expected: string): number {
    const at = this.#take(1 + size, expected);
    return this.#content(0, getUint(this.bytes, at + 1, size), expected);
  }

  #content(header: number, length: number, expected: string): number {
    this.#take(header, expected);
    if (length > this.end - this.position) throw unexpected(expected, ENDS_EARLY);
    return length;
  }

  #sizedChildren(size: number, bytesEach: number, expected: string): number {
    const at = this.#take(1 + size, expected);
    return this.#children(0, getUint(this.bytes, at + 1, size), bytesEach, expected);
  }

  /** Each child takes a byte at least: so no count makes us allocate more than the bytes deserve. */
  #children(header: number, count: number, bytesEach: number, expected: string): number {
    return this.#content(header, count * bytesEach, expected) / bytesEach;
  }
}

/** Bytes after the first one of float 32 and 64, uint 8 to 64, int 8 to 64: the tokens 0xca to 0xd3. */
const NUMBER_SIZES: readonly number[] = [4, 8, 1, 2, 4, 8, 1, 2, 4, 8];

const SIMPLE: Readonly<Record<number, string>> = {
  192: 'nil',
  193: 'the byte 0xc1',
  194: 'boolean false',
  195: 'boolean true',
};
