import { requireOptions } from './arguments.js';
import { requireRange, requireRoom } from './bounds.js';
import type { Codec } from './codec.js';
import { CodecError } from './errors.js';
import { checkLimit, invalidShape } from './invalid-shape.js';
import { createWriteSite, type WriteSite } from './learned-encode.js';
import { DEFAULT_ITEMS, type Limits, MOST_DEPTH, MOST_ITEMS } from './limits.js';
import { createReader, type ReadValue } from './msgpack-decode.js';
import { MsgpackEncoder } from './msgpack-encode.js';
import { messageOf, toUnencodable } from './refusal.js';
import { Mismatch } from './shape/mismatch.js';
import { copyBytes, mayChange } from './word-bytes.js';

const ID = 'msgpack';

/** Options of {@link msgpack}. */
export interface MsgpackOptions {
  /**
   * What the 64-bit integers of msgpack decode to. Defaults to `bigint`.
   * - `bigint`: always a bigint. As this codec writes bigints, and only bigints, that way, values come back as they were.
   * - `number-if-exact`: a number within ±2^53, else a bigint. For writers in other languages, which use 64 bits for
   *   any large integer, a time in milliseconds for one.
   */
  readonly int64?: 'bigint' | 'number-if-exact' | undefined;
  /**
   * Items of arrays and entries of maps in one value, all of them together, for encoding and decoding; at most 2^27. Defaults
   * to 1,048,576: a table of 100,000 rows with nine fields. An item takes one byte in a message and up to 72 in memory, so that the
   * worst of messages becomes 75 MB, in a tenth to half a second, and not 5 GB.
   */
  readonly maxItems?: number | undefined;
  /** Levels of arrays and maps in one value, for encoding and decoding; 1 to 256. Defaults to 256. */
  readonly maxDepth?: number | undefined;
}

/** The encoder that is free: one that is at work has the code of a value running, which may encode something as well. */
let freeEncoder: MsgpackEncoder | undefined;

/**
 * Standard msgpack, readable in any language, without extensions other than the timestamp.
 *
 * Encodes: `null`, booleans, numbers (-0 as 0), strings, bigints of 64 bits, `Date` as timestamp, `Uint8Array`, `Buffer`
 * and `ArrayBuffer` as bin, arrays, plain objects, `Map` with keys that are strings or numbers. `undefined` becomes nil
 * wherever it stands. Other objects become what their `toJSON()` returns, or else a map of their own enumerable fields. Such
 * a map says its length in 16 bits also where fewer would do, as its fields are counted while they are written; the rest is as short as can be.
 *
 * Decodes: nil as `null`, maps as plain objects, with numeric keys as strings and the last of equal keys winning; bin as
 * a `Uint8Array` of its own; timestamps as `Date`, cut to whole milliseconds. Invalid UTF-8 in strings becomes U+FFFD.
 *
 * Plain objects that come again with the same keys in the same order are encoded and decoded by functions that are generated for
 * them, after some dozens of them, for 2,048 fields at most each way. Nothing but speed depends on it; where Node runs with
 * `--disallow-code-generation-from-strings`, all are encoded and decoded as the first are.
 *
 * Each property, item and entry is read once in an encode. What takes more than the limits of {@link MsgpackOptions} is refused, by
 * encoding and by decoding.
 *
 * @typeParam T what is sent; decoding trusts it and does not check it.
 * @returns a codec with the id `msgpack`. It throws what {@link Codec} says: `UNENCODABLE` for functions, symbols, cycles,
 * larger bigints, invalid dates, lone surrogates, the key `__proto__`, `Set`, `RegExp`, errors, other typed
 * arrays and other built-in objects without `toJSON()`, and for a getter or `toJSON()` that throws, and a `Map` that changes while it is encoded; `UNDECODABLE` for bytes
 * that are not exactly one value of the kinds above. An option out of range, or unknown, is `INVALID_SHAPE`.
 */
export function msgpack<T = unknown>(options: MsgpackOptions = {}): Codec<T> {
  requireOptions('msgpack()', options, ['int64', 'maxItems', 'maxDepth']);
  const { int64 = 'bigint' } = options;
  if (int64 !== 'bigint' && int64 !== 'number-if-exact') {
    throw invalidShape(`int64 must be "bigint" or "number-if-exact", not ${JSON.stringify(int64)}`);
  }
  const limits: Limits = {
    maxItems: checkLimit('maxItems', options.maxItems, DEFAULT_ITEMS, MOST_ITEMS),
    maxDepth: checkLimit('maxDepth', options.maxDepth, MOST_DEPTH, MOST_DEPTH),
  };
  const writeSite = createWriteSite();
  const readValue = createReader(limits, int64 === 'number-if-exact');

  return {
    id: ID,
    encode(value, target, offset) {
      const encoder = freeEncoder ?? new MsgpackEncoder();
      freeEncoder = undefined;
      try {
        const length = write(encoder, value, limits, writeSite);
        requireRoom(ID, target, offset, length);
        copyBytes(encoder.bytes, 0, length, target, offset);
        return offset + length;
      } finally {
        freeEncoder = encoder;
      }
    },
    decode(source, start, end) {
      requireRange(ID, source, start, end);
      if (mayChange(source)) {
        const copy = new Uint8Array(source.subarray(start, end));
        return read(copy, 0, copy.length, readValue) as T;
      }
      return read(source, start, end, readValue) as T;
    },
  };
}

function write(encoder: MsgpackEncoder, value: unknown, limits: Limits, site: WriteSite): number {
  try {
    return encoder.encode(value, limits, site);
  } catch (error) {
    throw toUnencodable(ID, error);
  }
}

/** Reads the bytes between two positions, which must be exactly one value. */
function read(bytes: Uint8Array, start: number, end: number, readValue: ReadValue): unknown {
  const source = { bytes, position: start, end };
  try {
    const value = readValue(source);
    if (source.position !== end) throw new Mismatch(`${end - source.position} bytes follow the value`);
    return value;
  } catch (error) {
    if (error instanceof Mismatch) throw new CodecError('UNDECODABLE', `${ID}: ${error.message}`);
    throw new CodecError('UNDECODABLE', `${ID}: decoding failed: ${messageOf(error)}`, { cause: error });
  }
}
