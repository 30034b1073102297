import type { Codec } from './codec.js';

/** Where a value is encoded right in the ring. Its bytes are shared memory: only single stores, and copies of whole arrays. */
export interface InPlaceTarget {
  /**
   * Takes the publisher lock and sets the fields below. To be called once, after all of the value was read: none of its code
   * (getters, proxies, iterators) runs after that.
   *
   * @param length bytes that the value takes at most; 0 where that is not known.
   * @returns false when there is no room, or the lock is not free: return -1.
   */
  begin(length: number): boolean;
  /** The bytes of the ring. */
  readonly bytes: { readonly length: number; [index: number]: number };
  /** The same bytes, for numbers at any offset: of a `DataView` what stores, and nothing that loads. */
  readonly data: Pick<DataView, 'setFloat32' | 'setFloat64' | 'setUint16' | 'setUint32'>;
  /** Where the value begins. */
  readonly offset: number;
  /** Where it has to end at the latest. */
  readonly limit: number;
}

/** The key under which a codec has its way of encoding in place. */
export const encodeInPlace: unique symbol = Symbol('encodeInPlace');

/**
 * A codec that encodes right in the ring.
 *
 * Only codecs of this package can be one: user code must neither see memory that other processes change, nor run with
 * the publisher lock held.
 */
export interface InPlaceCodec<T> {
  /**
   * Reads `value`, calls `place.begin`, and writes.
   *
   * @returns the offset after the last byte written; -1 when the value does not fit, has no encoding, or is not simple,
   * and then `encode` says which, or writes it. Throws nothing but what `place.begin` throws.
   */
  [encodeInPlace](value: T, place: InPlaceTarget): number;
}

/** Whether a codec encodes in place itself. One that was made of such a codec does not: its `encode` may be another. */
export function encodesInPlace<T>(codec: Codec<T>): codec is Codec<T> & InPlaceCodec<T> {
  return Object.hasOwn(codec, encodeInPlace);
}

/** Lets a codec encode in place. Not enumerable: a copy of the codec by `{ ...codec }` does not get it. */
export function addEncodeInPlace<T, C extends Codec<T>>(
  codec: C,
  encode: InPlaceCodec<T>[typeof encodeInPlace],
): C {
  return Object.defineProperty(codec, encodeInPlace, { value: encode });
}

/** The key under which a codec tells of values that are their own encoding. */
export const ownBytes: unique symbol = Symbol('ownBytes');

/** A codec of bytes as they are. */
export interface OwnBytesCodec<T> {
  /**
   * How many bytes the value has, where it is a Uint8Array whose bytes are its encoding, and which no other thread can
   * change; -1 where `encode` is to be asked. Runs no code of the value, and trusts no property of it.
   */
  [ownBytes](value: T): number;
}

/** Whether a codec tells of such values. */
export function hasOwnBytes<T>(codec: Codec<T>): codec is Codec<T> & OwnBytesCodec<T> {
  return Object.hasOwn(codec, ownBytes);
}

/** Lets a codec tell of such values. Not enumerable, as its way of encoding in place is not. */
export function addOwnBytes<T, C extends Codec<T>>(codec: C, own: OwnBytesCodec<T>[typeof ownBytes]): C {
  return Object.defineProperty(codec, ownBytes, { value: own });
}
