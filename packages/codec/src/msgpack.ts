import { Packr, RESET_BUFFER_MODE, REUSE_BUFFER_MODE } from 'msgpackr';
import { requireRange, requireRoom } from './bounds.js';
import type { Codec } from './codec.js';
import { CodecError } from './errors.js';
import { findFault } from './msgpack-check.js';
import { toEncodable } from './msgpack-encodable.js';
import { msgpackrState, renewKeyCache, renewPackBuffer } from './msgpackr-state.js';
import { copyToScratch, createScratch, KEPT_SIZE } from './private-copy.js';
import { messageOf, toUnencodable } from './refusal.js';
import { copyBytes, type WordBytes, withWords } from './word-bytes.js';

const ID = 'msgpack';

/** Options of {@link msgpack}. */
export interface MsgpackOptions {
  /**
   * What the 64-bit integers of msgpack decode to. Defaults to `bigint`.
   * - `bigint`: always a bigint. As this codec writes bigints, and only bigints, that way, values come back as they were.
   * - `number-if-exact`: a number within ±2^53, else a bigint. For writers in other languages, which use 64 bits for
   *   any large integer, a time in milliseconds for one.
   */
  readonly int64?: 'bigint' | 'number-if-exact';
}

/** msgpackr's own buffer, valid until the next `pack`, with the bounds of what was written. */
interface PackedBuffer extends Uint8Array<ArrayBuffer> {
  /** See {@link WordBytes}. */
  readonly words?: Int32Array<ArrayBuffer>;
  readonly start: number;
  readonly end: number;
}

// msgpackr could write straight into the target, by `useBuffer`. It saves 40 ns of 330, but asks for 2 KiB of room, writes
// beyond the end of the value, and keeps the target, for any user of msgpackr in the process, as its buffer.
const PACK_MODE = REUSE_BUFFER_MODE | RESET_BUFFER_MODE;

const sharedScratch = createScratch();

/**
 * Standard msgpack, readable in any language, without extensions other than the timestamp.
 *
 * Encodes: `null`, booleans, numbers (-0 as 0), strings, bigints of 64 bits, `Date` as timestamp, `Uint8Array`, `Buffer`
 * and `ArrayBuffer` as bin, arrays, plain objects, `Map` with keys that are strings or numbers. `undefined` becomes nil
 * wherever it stands. Other objects become what their `toJSON()` returns, or else a map of their own enumerable fields. Such
 * a map says its length in 16 bits also where fewer would do, which takes a seventh less time; the rest is as short as can be.
 *
 * Decodes: nil as `null`, maps as plain objects, with numeric keys as strings and the last of equal keys winning; bin as
 * a `Uint8Array` of its own; timestamps as `Date`, in whole milliseconds. Invalid UTF-8 in strings becomes U+FFFD.
 *
 * Values may be nested 256 levels deep. Getters may run more than once in an encode.
 *
 * @typeParam T what is sent; decoding trusts it and does not check it.
 * @returns a codec with the id `msgpack`. It throws what {@link Codec} says: `UNENCODABLE` for functions, symbols, cycles,
 * deeper values, larger bigints, invalid dates, lone surrogates, the key `__proto__`, `Set`, `RegExp`, errors, other typed
 * arrays and other built-in objects without `toJSON()`, and for a getter or `toJSON()` that throws; `UNDECODABLE` for bytes
 * that are not exactly one value of the kinds above.
 */
export function msgpack<T = unknown>(options: MsgpackOptions = {}): Codec<T> {
  const packr = new Packr({
    useRecords: false,
    encodeUndefinedAsNil: true,
    copyBuffers: true,
    writeFunction: refuseFunction,
    // Documented by msgpackr, though its types do not list 'auto'.
    int64AsType: options.int64 === 'number-if-exact' ? ('auto' as 'bigint') : 'bigint',
  });

  return {
    id: ID,
    encode(value, target, offset) {
      const packed = pack(packr, value);
      const needed = packed.end - packed.start;
      if (needed > KEPT_SIZE && msgpackrState.packing === 0) renewPackBuffer(packr);
      requireRoom(ID, target, offset, needed);
      if (packed.words === undefined && packed.byteOffset % 4 === 0) withWords(packed);
      copyBytes(packed, packed.start, packed.end, target, offset);
      return offset + needed;
    },
    // It makes a copy of its own.
    decodesInPlace: true,
    decode(source, start, end) {
      requireRange(ID, source, start, end);
      const scratch = msgpackrState.unpacking === 0 ? sharedScratch : createScratch();
      const bytes = copyToScratch(scratch, source, start, end);
      const fault = findFault(bytes, end - start);
      if (fault !== undefined) throw new CodecError('UNDECODABLE', `${ID}: ${fault}`);
      return unpack(packr, bytes, end - start) as T;
    },
  };
}

function pack(packr: Packr, value: unknown): PackedBuffer {
  const { packing } = msgpackrState;
  try {
    if (msgpackrState.packSuspect && packing === 0) renewPackBuffer(packr);
    const encodable = toEncodable(value);
    msgpackrState.packing = packing + 1;
    return packr.pack(encodable, PACK_MODE) as Uint8Array as PackedBuffer;
  } catch (error) {
    if (msgpackrState.packing > packing) msgpackrState.packSuspect = true;
    throw toUnencodable(ID, error);
  } finally {
    msgpackrState.packing = packing;
  }
}

function unpack(packr: Packr, bytes: Uint8Array, length: number): unknown {
  const { unpacking } = msgpackrState;
  try {
    if (msgpackrState.unpackSuspect && unpacking === 0) renewKeyCache(packr);
    msgpackrState.unpacking = unpacking + 1;
    return packr.unpack(bytes, length);
  } catch (error) {
    msgpackrState.unpackSuspect = true;
    throw new CodecError('UNDECODABLE', `${ID}: decoding failed: ${messageOf(error)}`, { cause: error });
  } finally {
    msgpackrState.unpacking = unpacking;
  }
}

/** For a getter that passed the check with something else. */
function refuseFunction(): never {
  throw new TypeError('a getter returned a function');
}
