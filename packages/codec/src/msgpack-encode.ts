import { types } from 'node:util';
import type { Sighting } from './learned.js';
import type { Encoding, WriteSite } from './learned-encode.js';
import type { Limits } from './limits.js';
import { KEPT_SIZE } from './private-copy.js';
import { Refusal } from './refusal.js';
import { INTEGER_SIZE, writeInteger } from './shape/integer-bytes.js';
import { putUint32 } from './shape/number-bytes.js';
import { writeText } from './shape/text.js';
import { TIMESTAMP_SIZE, writeTimestamp } from './shape/timestamp-bytes.js';
import { byteLengthOf, copyUserBytes, isDetached } from './user-bytes.js';
import { entriesOfMap, sizeOfMap } from './user-map.js';
import { allocateWordBytes, type WordBytes } from './word-bytes.js';

const FIRST_SIZE = 8192;
/** Characters up to which a text gets room for three bytes each, without a look at how many it takes. */
const SHORT_TEXT = 4096;

const hasOwn = Object.prototype.hasOwnProperty;

/**
 * Writes values as standard msgpack. Every property, item and entry is read once, when it is written: so whatever getters,
 * proxies and `toJSON()` do meanwhile, the outcome is one value, or an error.
 */
export class MsgpackEncoder implements Encoding {
  /** The value that was written last, from 0 on. */
  bytes: WordBytes = allocateWordBytes(FIRST_SIZE);
  view: DataView = this.bytes.data;
  itemsLeft = 0;
  #limits: Limits = { maxItems: 0, maxDepth: 0 };

  /**
   * Writes to {@link MsgpackEncoder.bytes}.
   *
   * @param site learns from the values that are written.
   * @returns the number of bytes.
   * @throws {@link Refusal} for what has no encoding, and whatever the code of the value throws.
   */
  encode(value: unknown, limits: Limits, site: WriteSite): number {
    if (this.bytes.length > KEPT_SIZE) this.#use(allocateWordBytes(FIRST_SIZE));
    this.#limits = limits;
    this.itemsLeft = limits.maxItems;
    return site.run(this, value, 0, 0, site);
  }

  write(value: unknown, position: number, depth: number, site: WriteSite | undefined): number {
    switch (typeof value) {
      case 'string':
        return this.text(value, position, 'a string');
      case 'number':
        return this.#number(value, position);
      case 'boolean':
        return this.#byte(value ? 0xc3 : 0xc2, position);
      case 'undefined':
        return this.#byte(0xc0, position);
      case 'bigint':
        return this.#bigint(value, position);
      case 'object':
        return value === null ? this.#byte(0xc0, position) : this.#object(value, position, depth, site);
      default:
        throw new Refusal(`a ${typeof value}`);
    }
  }

  #object(value: object, position: number, depth: number, site: WriteSite | undefined): number {
    if (Array.isArray(value)) return this.#array(value, position, depth, site);
    return this.withPrototype(value, Object.getPrototypeOf(value), position, depth, site);
  }

  withPrototype(
    value: object,
    prototype: unknown,
    position: number,
    depth: number,
    site: WriteSite | undefined,
  ): number {
    const isPlain = prototype === Object.prototype || prototype === null;
    if (!isPlain) {
      if (types.isDate(value)) return this.#date(value, position);
      if (types.isUint8Array(value)) return this.#binary(value, position);
      if (types.isMap(value)) return this.#map(value, position, depth);
      if (types.isArrayBuffer(value)) return this.#binary(new Uint8Array(value), position);
    }
    const toJson = (value as { readonly toJSON?: unknown }).toJSON;
    if (!isPlain && typeof toJson !== 'function') {
      const tag = Object.prototype.toString.call(value);
      if (tag !== '[object Object]') throw new Refusal(`an object of the kind ${tag.slice(8, -1)}`);
    }
    return this.withToJson(value, toJson, position, depth, site);
  }

  withToJson(
    value: object,
    toJson: unknown,
    position: number,
    depth: number,
    site: WriteSite | undefined,
  ): number {
    if (typeof toJson === 'function') {
      this.requireDepth(value, depth);
      const replacement: unknown = toJson.call(value, '');
      if (replacement !== value) return this.write(replacement, position, depth + 1, site);
    }
    return this.#fields(value as Record<string, unknown>, position, depth, site);
  }

  other(object: object, position: number, depth: number, site: WriteSite): number {
    for (const { run, owns, put } of site.known) {
      if (run === site.run || !owns(object)) continue;
      return put(this, object, position, depth);
    }
    return this.#fields(object as Record<string, unknown>, position, depth, site);
  }

  #array(array: readonly unknown[], start: number, depth: number, site: WriteSite | undefined): number {
    const { length } = array;
    let position = this.openArray(array, length, start, depth);
    for (let index = 0; index < length; index += 1) {
      const item = array[index];
      try {
        position = this.#at(site, item, position, depth + 1);
      } catch (error) {
        throw this.addPlace(error, array, index);
      }
    }
    return position;
  }

  openArray(array: object, length: number, position: number, depth: number): number {
    this.requireDepth(array, depth);
    if (length >>> 0 !== length) throw new Refusal('an array without a length');
    this.count(length);
    return this.#header(length, 0x90, 0xdc, position);
  }

  #at(site: WriteSite | undefined, value: unknown, position: number, depth: number): number {
    return site === undefined || site.isEmpty
      ? this.write(value, position, depth, site)
      : site.run(this, value, position, depth, site);
  }

  #fields(
    object: Record<string, unknown>,
    start: number,
    depth: number,
    site: WriteSite | undefined,
  ): number {
    this.requireDepth(object, depth);
    this.room(start + 5);
    const sighting: Sighting | undefined = site?.watch();
    const inner = site?.inner;
    let position = start + 3;
    let fields = 0;
    // for-in with this test, not Object.keys: a third of the time, as V8 then knows where the properties lie.
    for (const key in object) {
      if (!hasOwn.call(object, key)) continue;
      fields += 1;
      this.count(1);
      const item = object[key];
      try {
        position = this.#key(key, position);
        position = this.#at(inner, item, position, depth + 1);
      } catch (error) {
        throw this.addPlace(error, object, key);
      }
      sighting?.add(key, item);
    }
    if (sighting !== undefined) site?.learn(sighting);
    // How many there are is known only now. Most objects have less than 16 bits count; the others are moved.
    if (fields > 0xffff) {
      this.room(position + 2);
      this.bytes.copyWithin(start + 5, start + 3, position);
      position += 2;
    }
    const { bytes } = this;
    if (fields > 0xffff) {
      bytes[start] = 0xdf;
      putUint32(bytes, start + 1, fields);
    } else {
      bytes[start] = 0xde;
      bytes[start + 1] = fields >>> 8;
      bytes[start + 2] = fields;
    }
    return position;
  }

  #map(map: ReadonlyMap<unknown, unknown>, start: number, depth: number): number {
    this.requireDepth(map, depth);
    const entries = [...entriesOfMap(map)];
    this.count(entries.length);
    let position = this.#header(entries.length, 0x80, 0xde, start);
    for (const [key, item] of entries) {
      try {
        position = this.#mapKey(key, position);
        position = this.write(item, position, depth + 1, undefined);
      } catch (error) {
        throw this.addPlace(
          error,
          map,
          typeof key === 'string' || typeof key === 'number' ? key : typeof key,
        );
      }
    }
    if (sizeOfMap(map) !== entries.length) throw new Refusal('a Map that changes while it is encoded');
    return position;
  }

  #mapKey(key: unknown, position: number): number {
    if (typeof key === 'string') return this.#key(key, position);
    if (typeof key === 'number') return this.#number(key, position);
    if (typeof key === 'bigint') return this.#bigint(key, position);
    throw new Refusal('a map key that is neither a string nor a number');
  }

  #key(key: string, position: number): number {
    if (key === '__proto__') throw new Refusal('the key "__proto__"');
    return this.text(key, position, 'a key');
  }

  text(text: string, position: number, what: string): number {
    const { length } = text;
    this.room(position + 5 + (length <= SHORT_TEXT ? 3 * length : Buffer.byteLength(text)));
    const end = writeText(text, this.bytes, position, this.bytes.length);
    if (end < 0) throw new Refusal(`${what} with a lone surrogate`);
    return end;
  }

  #number(value: number, position: number): number {
    this.room(position + INTEGER_SIZE);
    if (value >>> 0 === value || value >> 0 === value) return writeInteger(value, this.bytes, position);
    this.bytes[position] = 0xcb;
    this.view.setFloat64(position + 1, value);
    return position + 9;
  }

  #bigint(value: bigint, position: number): number {
    if (value < -0x8000000000000000n || value > 0xffffffffffffffffn)
      throw new Refusal('a bigint beyond 64 bits');
    this.room(position + 9);
    this.bytes[position] = value < 0x8000000000000000n ? 0xd3 : 0xcf;
    this.view.setBigInt64(position + 1, value);
    return position + 9;
  }

  #date(date: Date, position: number): number {
    const time = Date.prototype.getTime.call(date);
    if (Number.isNaN(time)) throw new Refusal('an invalid Date');
    this.room(position + TIMESTAMP_SIZE);
    return writeTimestamp(time, this.bytes, position);
  }

  #binary(binary: Uint8Array, start: number): number {
    if (isDetached(binary)) throw new Refusal('a Uint8Array whose memory was detached');
    const length = byteLengthOf(binary);
    this.room(start + 5 + length);
    const { bytes } = this;
    let position = start + 2;
    if (length < 0x100) {
      bytes[start] = 0xc4;
      bytes[start + 1] = length;
    } else {
      position = this.#header(length, 0, 0xc5, start);
    }
    copyUserBytes(binary, length, bytes, position);
    return position + length;
  }

  #byte(byte: number, position: number): number {
    this.room(position + 1);
    this.bytes[position] = byte;
    return position + 1;
  }

  /** The header of an array, a map or bytes. `token` is for a length of 16 bits; the next one is for 32. */
  #header(length: number, short: number, token: number, position: number): number {
    this.room(position + 5);
    const { bytes } = this;
    if (short !== 0 && length < 0x10) {
      bytes[position] = short | length;
      return position + 1;
    }
    if (length < 0x10000) {
      bytes[position] = token;
      bytes[position + 1] = length >>> 8;
      bytes[position + 2] = length;
      return position + 3;
    }
    bytes[position] = token + 1;
    putUint32(bytes, position + 1, length);
    return position + 5;
  }

  room(end: number): WordBytes {
    if (end > this.bytes.length) {
      const larger = allocateWordBytes(Math.max(end, 2 * this.bytes.length));
      larger.set(this.bytes);
      this.#use(larger);
    }
    return this.bytes;
  }

  #use(bytes: WordBytes): void {
    this.bytes = bytes;
    this.view = bytes.data;
  }

  count(items: number): void {
    this.itemsLeft -= items;
    if (this.itemsLeft < 0) throw this.#tooMany();
  }

  #tooMany(): Refusal {
    const { maxItems } = this.#limits;
    return new Refusal(
      `${maxItems - this.itemsLeft} or more items and entries, where maxItems allows ${maxItems},`,
    );
  }

  requireDepth(container: object, depth: number): void {
    if (depth >= this.#limits.maxDepth) throw this.#tooDeep(container);
  }

  #tooDeep(container: object): Refusal {
    return new Refusal(`something nested deeper than ${this.#limits.maxDepth} levels`, container);
  }

  addPlace(error: unknown, container: object, key: string | number): unknown {
    return error instanceof Refusal ? error.foundIn(container, key) : error;
  }
}
