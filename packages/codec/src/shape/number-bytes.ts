// One number seen as its bytes. Used between two statements only, so that all codecs share it.
/** The number, as a double. */
export const float64: Float64Array<ArrayBuffer> = new Float64Array(1);
/** The number, as a float. */
export const float32: Float32Array<ArrayBuffer> = new Float32Array(float64.buffer, 0, 1);
/** The number, as a bigint without sign. */
export const bigUint64: BigUint64Array<ArrayBuffer> = new BigUint64Array(float64.buffer);
/** The number, as a bigint with a sign. */
export const bigInt64: BigInt64Array<ArrayBuffer> = new BigInt64Array(float64.buffer);
/** The number, as two words. The first is also the whole of the float. */
export const words: Uint32Array<ArrayBuffer> = new Uint32Array(float64.buffer);

words[0] = 1;
/** The place of the upper word, by the order of bytes of this machine. */
export const UPPER: 0 | 1 = bigUint64[0] === 1n ? 1 : 0;
/** The place of the lower word. */
export const LOWER: 0 | 1 = UPPER === 1 ? 0 : 1;

/** Writes four bytes, the upper first. */
export function putUint32(
  target: { readonly length: number; [index: number]: number },
  offset: number,
  value: number,
): void {
  target[offset] = value >>> 24;
  target[offset + 1] = value >>> 16;
  target[offset + 2] = value >>> 8;
  target[offset + 3] = value;
}

/** Writes the header of that many bytes; returns where they begin. */
export function putBinaryHeader(
  target: { readonly length: number; [index: number]: number },
  offset: number,
  length: number,
): number {
  if (length < 0x100) {
    target[offset] = 0xc4;
    target[offset + 1] = length;
    return offset + 2;
  }
  if (length < 0x10000) {
    target[offset] = 0xc5;
    target[offset + 1] = length >> 8;
    target[offset + 2] = length;
    return offset + 3;
  }
  target[offset] = 0xc6;
  putUint32(target, offset + 1, length);
  return offset + 5;
}

/** Writes what {@link words} hold: eight bytes, the upper first. */
export function putWords(target: Uint8Array, offset: number): void {
  putUint32(target, offset, words[UPPER]!);
  putUint32(target, offset + 4, words[LOWER]!);
}

/** Reads an unsigned number of 1 to 8 bytes, the upper first; beyond 2^53 it is rounded. */
export function getUint(source: Uint8Array, position: number, size: number): number {
  let value = 0;
  for (let index = 0; index < size; index += 1) value = value * 256 + source[position + index]!;
  return value;
}

/** Reads eight bytes into {@link words}. */
export function getWords(source: Uint8Array, position: number): void {
  words[UPPER] = getUint(source, position, 4);
  words[LOWER] = getUint(source, position + 4, 4);
}
