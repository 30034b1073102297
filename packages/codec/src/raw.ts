import { types } from 'node:util';
import { describeKind, requireOptions } from './arguments.js';
import { requireRange, requireRoom } from './bounds.js';
import type { Codec } from './codec.js';
import { CodecError } from './errors.js';
import { addEncodeInPlace, addOwnBytes, type InPlaceTarget } from './in-place.js';
import { invalidShape } from './invalid-shape.js';
import { ownCopy } from './own-copy.js';
import { byteLengthOf, copyUserBytes, isDetached, ownLengthOf, putOwnBytes } from './user-bytes.js';
import { viewOf } from './word-bytes.js';

const ID = 'raw';

/** Options of {@link raw}. */
export interface RawOptions {
  /**
   * Whether each decoded value is a copy of its own, which up to 4 KiB is a part of an ArrayBuffer that it shares with other
   * values, and beyond may be a part of one of at most twice its length. Defaults to true; without, it is a view of what is decoded, which a
   * subscriber uses again: valid in the handler only.
   */
  readonly copy?: boolean | undefined;
}

/**
 * Bytes as they are: copied in, copied out.
 *
 * Encodes any `Uint8Array`, `Buffer` included; decodes to a `Uint8Array`. Zero bytes are a value.
 *
 * @returns a codec without state, with the id `raw`; its errors are those of {@link Codec}.
 */
export function raw(options: RawOptions = {}): Codec<Uint8Array> {
  requireOptions('raw()', options, ['copy']);
  const { copy = true } = options;
  if (typeof copy !== 'boolean') throw invalidShape(`copy must be true or false, not ${describeKind(copy)}`);
  const codec = addEncodeInPlace({ id: ID, encode, decode: copy ? decode : view }, encodeInPlace);
  return addOwnBytes(codec, ownLengthOf);
}

function encode(value: Uint8Array, target: Uint8Array, offset: number): number {
  if (!types.isUint8Array(value)) {
    throw new CodecError('UNENCODABLE', `${ID}: the value must be a Uint8Array, not ${kindOf(value)}`);
  }
  if (isDetached(value)) {
    throw new CodecError(
      'UNENCODABLE',
      `${ID}: the memory of the Uint8Array was detached, or is too short for it now`,
    );
  }
  const length = byteLengthOf(value);
  requireRoom(ID, target, offset, length);
  copyUserBytes(value, length, target, offset);
  return offset + length;
}

function encodeInPlace(value: Uint8Array, place: InPlaceTarget): number {
  const length = ownLengthOf(value);
  if (length < 0 || !place.begin(length)) return -1;
  const { offset } = place;
  if (!(offset + length <= place.limit)) return -1;
  putOwnBytes(place.bytes, offset, value, length);
  return offset + length;
}

function decode(source: Uint8Array, start: number, end: number): Uint8Array {
  requireRange(ID, source, start, end);
  return ownCopy(source, start, end);
}

function view(source: Uint8Array, start: number, end: number): Uint8Array {
  requireRange(ID, source, start, end);
  return viewOf(source, start, end);
}

function kindOf(value: unknown): string {
  return value === null || typeof value !== 'object'
    ? String(value === null ? null : typeof value)
    : 'another object';
}
