import { requireRange, requireRoom } from './bounds.js';
import type { Codec } from './codec.js';
import { CodecError } from './errors.js';
import { copyBytes } from './private-copy.js';

const ID = 'raw';

/**
 * Bytes as they are: copied in, copied out.
 *
 * Encodes any `Uint8Array`, `Buffer` included; each decoded value is a `Uint8Array` of its own. Zero bytes are a value.
 *
 * @returns a codec without state, with the id `raw`; its errors are those of {@link Codec}.
 */
export function raw(): Codec<Uint8Array> {
  return { id: ID, encode, decode };
}

function encode(value: Uint8Array, target: Uint8Array, offset: number): number {
  if (!(value instanceof Uint8Array)) {
    throw new CodecError('UNENCODABLE', `${ID}: the value must be a Uint8Array, not ${kindOf(value)}`);
  }
  requireRoom(ID, target, offset, value.length);
  copyBytes(value, 0, value.length, target, offset);
  return offset + value.length;
}

function decode(source: Uint8Array, start: number, end: number): Uint8Array {
  requireRange(ID, source, start, end);
  const bytes = new Uint8Array(end - start);
  copyBytes(source, start, end, bytes, 0);
  return bytes;
}

function kindOf(value: unknown): string {
  return value === null || typeof value !== 'object'
    ? String(value === null ? null : typeof value)
    : 'another object';
}
