import { allocateWordBytes, type WordBytes } from '../word-bytes.js';
import { Mismatch } from './mismatch.js';
import { putUint32 } from './number-bytes.js';
import { isWellFormed, writeText } from './text.js';

const FIRST_SIZE = 1024;

/** Memory of our own that grows while a value is written to it. */
export class Writer {
  bytes: WordBytes = allocateWordBytes(FIRST_SIZE);
  position = 0;
  readonly #most: number;

  /** @param most bytes that the value may take. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Makes room for `size` bytes, which may be more than are written then. */
  require(size: number): void {
    const needed = this.position + size;
    if (needed <= this.bytes.length) return;
    if (this.position > this.#most) throw new Mismatch(`takes more than ${this.#most} bytes`);
    const larger = allocateWordBytes(Math.max(needed, 2 * this.bytes.length));
    larger.set(this.bytes.subarray(0, this.position));
    this.bytes = larger;
  }

  byte(value: number): void {
    this.require(1);
    this.bytes[this.position] = value;
    this.position += 1;
  }

  /** The header of an array, a map or bytes: `tokens` are for lengths of 8 (or 0), 16 and 32 bits. */
  header(length: number, short: number, tokens: readonly [number, number, number]): void {
    this.require(5);
    const { bytes, position } = this;
    if (short !== 0 && length < 0x10) {
      bytes[position] = short | length;
      this.position += 1;
    } else if (tokens[0] !== 0 && length < 0x100) {
      bytes[position] = tokens[0];
      bytes[position + 1] = length;
      this.position += 2;
    } else if (length < 0x10000) {
      bytes[position] = tokens[1];
      bytes[position + 1] = length >>> 8;
      bytes[position + 2] = length;
      this.position += 3;
    } else {
      bytes[position] = tokens[2];
      putUint32(bytes, position + 1, length);
      this.position += 5;
    }
  }

  arrayHeader(length: number): void {
    this.header(length, 0x90, [0, 0xdc, 0xdd]);
  }

  mapHeader(length: number): void {
    this.header(length, 0x80, [0, 0xde, 0xdf]);
  }

  /** @returns the bytes of its UTF-8; undefined for a string with a lone surrogate. */
  text(text: string): number | undefined {
    if (!isWellFormed(text)) return undefined;
    this.require(5 + 3 * text.length);
    const start = this.position;
    this.position = writeText(text, this.bytes, start, this.bytes.length);
    const taken = this.position - start;
    return taken - (taken <= 0x20 ? 1 : taken <= 0x101 ? 2 : taken <= 0x1_0002 ? 3 : 5);
  }
}
