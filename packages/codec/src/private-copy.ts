import { allocateWordBytes, copyBytes } from './word-bytes.js';

const FIRST_SIZE = 8192;

/** Bytes of scratch memory that are kept between calls; what is larger is allocated for one call and let go. */
export const KEPT_SIZE: number = 1 << 20;

/** Private memory, used again by each call. */
export interface Scratch {
  bytes: Uint8Array;
}

export function createScratch(): Scratch {
  return { bytes: allocateWordBytes(FIRST_SIZE) };
}

/**
 * Copies a range to offset 0 of private memory and returns that memory, which may be longer than the range.
 *
 * Decoders work on the copy because `source` may be memory that another process writes to: what was checked must be
 * what is decoded.
 */
export function copyToScratch(scratch: Scratch, source: Uint8Array, start: number, end: number): Uint8Array {
  const length = end - start;
  let bytes = scratch.bytes;
  if (length > bytes.length) {
    bytes = allocateWordBytes(length > KEPT_SIZE ? length : 2 ** Math.ceil(Math.log2(length)));
    if (length <= KEPT_SIZE) scratch.bytes = bytes;
  }
  copyBytes(source, start, end, bytes, 0);
  return bytes;
}
