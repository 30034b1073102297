import type { Sighting } from './learned.js';
import { createReadSite, type Decoding, type ReadAt, type ReadSite } from './learned-decode.js';
import type { Limits } from './limits.js';
import { ownCopy } from './own-copy.js';
import { readKey } from './recent-keys.js';
import { Mismatch } from './shape/mismatch.js';
import { bigInt64, bigUint64, float32, float64, LOWER, UPPER, words } from './shape/number-bytes.js';
import { readText } from './shape/text.js';
import { readTimestamp } from './shape/timestamp-bytes.js';
import { viewUserData } from './user-bytes.js';
import { dataOf } from './word-bytes.js';

const NOTHING = new Uint8Array(0);

/** Bytes to read from. */
export interface Source {
  /** Memory that only this process writes to, and not while it is read. */
  readonly bytes: Uint8Array;
  /** Where to read next. */
  position: number;
  /** Where the bytes end. */
  readonly end: number;
}

/** The decoder that is free: a setter on `Object.prototype` has code running while one is at work, which may decode as well. */
let freeDecoder: MsgpackDecoder | undefined;

/** A function that reads values. It learns what those have in common that it has read. */
export type ReadValue = (source: Source) => unknown;

/**
 * Makes a function that reads one value of standard msgpack, and checks it meanwhile: well-formed, no deeper and with no more items
 * than allowed, map keys strings or numbers and none of them `__proto__`, no extension but the timestamp.
 *
 * The function takes where the value begins, and sets it to where it ends. What it returns shares no memory with the source. It throws
 * {@link Mismatch} for what is not a value, or is beyond the limits.
 *
 * @param isNumberIfExact whether integers of 64 bits become numbers where a number holds them.
 */
export function createReader(limits: Limits, isNumberIfExact: boolean): ReadValue {
  const site = createReadSite();
  return (source) => {
    const decoder = freeDecoder ?? new MsgpackDecoder();
    freeDecoder = undefined;
    try {
      return decoder.read(source, limits, isNumberIfExact, site);
    } finally {
      freeDecoder = decoder;
    }
  };
}

class MsgpackDecoder implements Decoding {
  bytes: Uint8Array = NOTHING;
  view: DataView | undefined;
  position = 0;
  end = 0;
  #limits: Limits = { maxItems: 0, maxDepth: 0 };
  #isNumberIfExact = false;
  #items = 0;

  read(source: Source, limits: Limits, isNumberIfExact: boolean, site: ReadSite): unknown {
    this.#limits = limits;
    this.#isNumberIfExact = isNumberIfExact;
    this.bytes = source.bytes;
    this.position = source.position;
    this.end = source.end;
    this.#items = 0;
    try {
      const value = site.run(this, 0, site);
      source.position = this.position;
      return value;
    } finally {
      this.bytes = NOTHING;
      this.view = undefined;
    }
  }

  openView(): DataView {
    this.view = dataOf(this.bytes) ?? viewUserData(this.bytes);
    return this.view;
  }

  value(depth: number, site: ReadSite | undefined): unknown {
    const token = this.bytes[this.#take(1)]!;
    if (token < 0x80) return token;
    if (token >= 0xe0) return token - 0x100;
    if (token >= 0xc0) return this.#long(token, depth, site);
    if (token >= 0xa0) return this.#text(token & 0x1f);
    return token < 0x90 ? this.#map(token & 0x0f, depth, site) : this.#array(token & 0x0f, depth, site);
  }

  other(depth: number, site: ReadSite, expected: ReadAt): unknown {
    let isNext = false;
    for (const { run } of site.known) {
      if (isNext) return run(this, depth, site);
      isNext = run === expected;
    }
    return this.value(depth, site);
  }

  rest(
    keys: readonly string[],
    values: readonly unknown[],
    read: number,
    depth: number,
    site: ReadSite,
  ): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    const sighting = site.watch();
    for (let index = 0; index < read; index += 1) {
      const key = keys[index]!;
      object[key] = values[index];
      sighting?.add(key, values[index]);
    }
    return this.#entries(object, keys.length - read, depth, site, sighting);
  }

  /** A value whose first byte is from 0xc0 to 0xdf. */
  #long(token: number, depth: number, site: ReadSite | undefined): unknown {
    switch (token) {
      case 0xc0:
        return null;
      case 0xc1:
        throw new Mismatch('the byte 0xc1 is no value');
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#binary(this.#uint(1 << (token - 0xc4)));
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#timestamp(this.#uint(1 << (token - 0xc7)));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#timestamp(1 << (token - 0xd4));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#uint(1 << (token - 0xd9)));
      case 0xdc:
        return this.#array(this.#uint(2), depth, site);
      case 0xdd:
        return this.#array(this.#uint(4), depth, site);
      case 0xde:
        return this.#map(this.#uint(2), depth, site);
      case 0xdf:
        return this.#map(this.#uint(4), depth, site);
      default:
        return this.#number(token);
    }
  }

  /** A number whose first byte is from 0xca to 0xd3. */
  #number(token: number): number | bigint {
    switch (token) {
      case 0xca:
        words[0] = this.#uint(4);
        return float32[0]!;
      case 0xcb:
        this.#loadWords();
        return float64[0]!;
      case 0xcc:
        return this.#uint(1);
      case 0xcd:
        return this.#uint(2);
      case 0xce:
        return this.#uint(4);
      case 0xcf:
        this.#loadWords();
        return this.#integer(bigUint64[0]!);
      case 0xd0:
        return (this.#uint(1) << 24) >> 24;
      case 0xd1:
        return (this.#uint(2) << 16) >> 16;
      case 0xd2:
        return this.#uint(4) | 0;
      default:
        this.#loadWords();
        return this.#integer(bigInt64[0]!);
    }
  }

  #integer(integer: bigint): number | bigint {
    if (!this.#isNumberIfExact) return integer;
    const number = Number(integer);
    return BigInt(number) === integer && Math.abs(number) <= 2 ** 53 ? number : integer;
  }

  #array(length: number, depth: number, site: ReadSite | undefined): unknown[] {
    this.open(length, length, depth);
    const items: unknown[] = [];
    for (let left = length; left > 0; left -= 1) items.push(this.#at(site, depth + 1));
    return items;
  }

  #map(length: number, depth: number, site: ReadSite | undefined): Record<string, unknown> {
    this.open(length, 2 * length, depth);
    return this.#entries({}, length, depth, site, site?.watch());
  }

  #entries(
    object: Record<string, unknown>,
    count: number,
    depth: number,
    site: ReadSite | undefined,
    sighting: Sighting | undefined,
  ): Record<string, unknown> {
    const inner = site?.inner;
    for (let left = count; left > 0; left -= 1) {
      const key = this.#key();
      const value = this.#at(inner, depth + 1);
      object[key] = value;
      sighting?.add(key, value);
    }
    if (sighting !== undefined) site?.learn(sighting);
    return object;
  }

  #at(site: ReadSite | undefined, depth: number): unknown {
    return site === undefined || site.isEmpty ? this.value(depth, site) : site.run(this, depth, site);
  }

  arrayLength(): number {
    const at = this.position;
    const left = this.end - at;
    const token = left > 0 ? this.bytes[at]! : 0;
    if (token >= 0x90 && token < 0xa0) {
      this.position = at + 1;
      return token & 0x0f;
    }
    if (left < 3 || token !== 0xdc) return -1;
    this.position = at + 1;
    return this.#uint(2);
  }

  open(items: number, children: number, depth: number): void {
    const { maxItems, maxDepth } = this.#limits;
    this.#items += items;
    if (children <= this.end - this.position && depth < maxDepth && this.#items <= maxItems) return;
    throw this.#unopened(children, depth);
  }

  reopen(items: number, position: number): void {
    this.#items -= items;
    this.position = position;
  }

  #unopened(children: number, depth: number): Mismatch {
    const { maxItems, maxDepth } = this.#limits;
    if (children > this.end - this.position) return endsEarly();
    if (depth >= maxDepth) return new Mismatch(`nested deeper than ${maxDepth} levels (maxDepth)`);
    return new Mismatch(`${this.#items} or more items and entries, where maxItems allows ${maxItems}`);
  }

  #key(): string {
    const token = this.bytes[this.#take(1)]!;
    if (token >= 0xa0 && token < 0xc0) return this.#keyText(token & 0x1f);
    if (token >= 0xd9 && token <= 0xdb) return this.#keyText(this.#uint(1 << (token - 0xd9)));
    if (token < 0x80) return String(token);
    if (token >= 0xe0) return String(token - 0x100);
    if (token >= 0xca && token <= 0xd3) return String(this.#number(token));
    throw new Mismatch('a map key is neither a string nor a number');
  }

  #keyText(length: number): string {
    const key = readKey(this.bytes, this.#take(length), length);
    if (key === '__proto__') throw new Mismatch('a map has the key "__proto__"');
    return key;
  }

  #text(length: number): string {
    return readText(this.bytes, this.#take(length), length);
  }

  #binary(length: number): Uint8Array {
    const start = this.#take(length);
    return ownCopy(this.bytes, start, start + length);
  }

  #timestamp(length: number): Date {
    const start = this.#take(1 + length);
    const type = (this.bytes[start]! << 24) >> 24;
    if (type !== -1) throw new Mismatch(`an extension of type ${type}`);
    const time = readTimestamp(this.bytes, start + 1, length);
    if (Number.isNaN(time)) throw new Mismatch('a timestamp that is no valid date');
    return new Date(time);
  }

  /** An unsigned integer of 1, 2 or 4 bytes, the upper first. */
  #uint(size: number): number {
    const at = this.#take(size);
    const bytes = this.bytes;
    if (size === 1) return bytes[at]!;
    if (size === 2) return (bytes[at]! << 8) | bytes[at + 1]!;
    return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
  }

  /** Takes eight bytes, the upper first. */
  #loadWords(): void {
    words[UPPER] = this.#uint(4);
    words[LOWER] = this.#uint(4);
  }

  /** Passes over so many bytes, and returns where they begin. */
  #take(size: number): number {
    const at = this.position;
    if (size > this.end - at) throw endsEarly();
    this.position = at + size;
    return at;
  }
}

function endsEarly(): Mismatch {
  return new Mismatch('the bytes end inside the value');
}
