import { getUint, putUint32 } from './number-bytes.js';

/** Seconds from 1970 to the last moment that a `Date` holds. */
const MAX_SECONDS = 8.64e12;
const MAX_NANOSECONDS = 999_999_999;
/** Nanoseconds of a millisecond. */
const NANOSECONDS_EACH = 1_000_000;

/** Bytes of the longest timestamp. */
export const TIMESTAMP_SIZE = 15;

/**
 * Writes a timestamp of msgpack in the shortest of its three forms. There must be room for {@link TIMESTAMP_SIZE} bytes.
 *
 * @param time milliseconds since 1970, a whole number.
 * @returns the offset after it.
 */
export function writeTimestamp(time: number, target: Uint8Array, offset: number): number {
  const seconds = Math.floor(time / 1000);
  const nanoseconds = (time - seconds * 1000) * 1_000_000;
  if (seconds >= 0 && seconds < 2 ** 34) {
    if (nanoseconds === 0 && seconds < 2 ** 32) {
      target[offset] = 0xd6;
      target[offset + 1] = 0xff;
      putUint32(target, offset + 2, seconds);
      return offset + 6;
    }
    target[offset] = 0xd7;
    target[offset + 1] = 0xff;
    putUint32(target, offset + 2, nanoseconds * 4 + Math.floor(seconds / 2 ** 32));
    putUint32(target, offset + 6, seconds);
    return offset + 10;
  }
  target[offset] = 0xc7;
  target[offset + 1] = 12;
  target[offset + 2] = 0xff;
  putUint32(target, offset + 3, nanoseconds);
  putUint32(target, offset + 7, Math.floor(seconds / 2 ** 32));
  putUint32(target, offset + 11, seconds);
  return offset + 15;
}

/**
 * Reads the data of a timestamp.
 *
 * @returns milliseconds since 1970, what is below a whole one being cut: the second stays the same, before 1970 too. NaN for what is no valid timestamp, or beyond what a `Date` holds.
 */
export function readTimestamp(source: Uint8Array, position: number, length: number): number {
  if (length === 4) return getUint(source, position, 4) * 1000;
  if (length !== 8 && length !== 12) return Number.NaN;
  const first = getUint(source, position, 4);
  const nanoseconds = length === 8 ? first >>> 2 : first;
  const upper = length === 8 ? first & 3 : getUint(source, position + 4, 4) | 0;
  const seconds = upper * 2 ** 32 + getUint(source, position + length - 4, 4);
  const isWithin = Math.abs(seconds) <= MAX_SECONDS && (seconds < MAX_SECONDS || nanoseconds === 0);
  if (!isWithin || nanoseconds > MAX_NANOSECONDS) return Number.NaN;
  return seconds * 1000 + Math.floor(nanoseconds / NANOSECONDS_EACH);
}
