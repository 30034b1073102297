import { requireRange, requireRoom } from './bounds.js';
import type { Codec } from './codec.js';
import { CodecError } from './errors.js';
import { byteLengthOf } from './shape/byte-length.js';
import { copyBytes, viewOf } from './word-bytes.js';

const ID = 'raw';

/** Options of {@link raw}. */
export interface RawOptions {
  /**
   * Whether each decoded value is a copy of its own. Defaults to true; without, it is a view of what is decoded, which a
   * subscriber uses again: valid in the handler only.
   */
  readonly copy?: boolean;
}

/**
 * Bytes as they are: copied in, copied out.
 *
 * Encodes any `Uint8Array`, `Buffer` included; decodes to a `Uint8Array`. Zero bytes are a value.
 *
 * @returns a codec without state, with the id `raw`; its errors are those of {@link Codec}.
 */
export function raw({ copy = true }: RawOptions = {}): Codec<Uint8Array> {
  return { id: ID, encode, encodeInPlace, decodesInPlace: true, decode: copy ? decode : view };
}

function encode(value: Uint8Array, target: Uint8Array, offset: number): number {
  if (!(value instanceof Uint8Array)) {
    throw new CodecError('UNENCODABLE', `${ID}: the value must be a Uint8Array, not ${kindOf(value)}`);
  }
  requireRoom(ID, target, offset, value.length);
  copyBytes(value, 0, value.length, target, offset);
  return offset + value.length;
}

function encodeInPlace(value: Uint8Array, target: Uint8Array, offset: number, limit: number): number {
  if (!(value instanceof Uint8Array)) return -1;
  const length = byteLengthOf(value);
  if (length > limit - offset) return -1;
  target.set(value, offset);
  return offset + length;
}

function decode(source: Uint8Array, start: number, end: number): Uint8Array {
  requireRange(ID, source, start, end);
  const bytes = new Uint8Array(end - start);
  copyBytes(source, start, end, bytes, 0);
  return bytes;
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
