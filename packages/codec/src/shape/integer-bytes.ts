import { putUint32 } from './number-bytes.js';

/** Bytes of the longest integer. */
export const INTEGER_SIZE = 9;

/**
 * Writes a whole number within ±(2^53 - 1) in the shortest form. There must be room for {@link INTEGER_SIZE} bytes.
 *
 * @returns the offset after it.
 */
export function writeInteger(value: number, target: Uint8Array, offset: number): number {
  if (value >= 0) return writePositive(value, target, offset);
  if (value >= -0x20) {
    target[offset] = value;
    return offset + 1;
  }
  if (value >= -0x80) {
    target[offset] = 0xd0;
    target[offset + 1] = value;
    return offset + 2;
  }
  if (value >= -0x8000) {
    target[offset] = 0xd1;
    target[offset + 1] = value >> 8;
    target[offset + 2] = value;
    return offset + 3;
  }
  if (value >= -0x8000_0000) {
    target[offset] = 0xd2;
    putUint32(target, offset + 1, value);
    return offset + 5;
  }
  return writeLong(0xd3, value, target, offset);
}

function writePositive(value: number, target: Uint8Array, offset: number): number {
  if (value < 0x80) {
    target[offset] = value;
    return offset + 1;
  }
  if (value < 0x100) {
    target[offset] = 0xcc;
    target[offset + 1] = value;
    return offset + 2;
  }
  if (value < 0x10000) {
    target[offset] = 0xcd;
    target[offset + 1] = value >> 8;
    target[offset + 2] = value;
    return offset + 3;
  }
  if (value < 0x1_0000_0000) {
    target[offset] = 0xce;
    putUint32(target, offset + 1, value);
    return offset + 5;
  }
  return writeLong(0xcf, value, target, offset);
}

function writeLong(token: number, value: number, target: Uint8Array, offset: number): number {
  target[offset] = token;
  putUint32(target, offset + 1, Math.floor(value / 2 ** 32));
  putUint32(target, offset + 5, value);
  return offset + 9;
}
