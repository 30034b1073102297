import * as threads from 'node:worker_threads';
import { allocateUnfilled } from './unfilled-memory.js';
import { copyBytes, viewOf, type Words } from './word-bytes.js';

/** Copies up to this many bytes share memory with others. */
const LONGEST = 4096;
const SLAB_LENGTH = 65_536;

let slab: ArrayBuffer | undefined;
let used = 0;
/** Undefined until it was tried. */
let canShare: boolean | undefined;

/**
 * Bytes of their own for a program to keep: a copy of `source[start, end)`. The caller has checked the bounds.
 *
 * Short ones are parts of larger memory, as those of `Buffer.from` are: an ArrayBuffer each would take five times as long.
 * They begin at whole multiples of 8 bytes. Long ones are the source itself, where its memory is free.
 */
export function ownCopy(source: Uint8Array & Partial<Words>, start: number, end: number): Uint8Array {
  const length = end - start;
  if (length > LONGEST || length === 0)
    return takePart(source, start, end) ?? new Uint8Array(viewOf(source, start, end));
  if (slab === undefined || used + length > SLAB_LENGTH) {
    slab = newSlab();
    used = 0;
    if (slab === undefined) return new Uint8Array(viewOf(source, start, end));
  }
  const copy = new Uint8Array(slab, used, length);
  used = (used + length + 7) & ~7;
  copyBytes(source, start, end, copy, 0);
  return copy;
}

/** A part of the source itself, where its memory is free and the part is at least half of it. */
function takePart(source: Uint8Array & Partial<Words>, start: number, end: number): Uint8Array | undefined {
  if (source.isFree !== true || 2 * (end - start) < source.length) return undefined;
  source.isFree = false;
  return new Uint8Array(source.memory!, source.byteOffset + start, end - start);
}

/** Undefined where a program could give the memory of all away to another thread, together with one of its parts. */
function newSlab(): ArrayBuffer | undefined {
  if (canShare === false) return undefined;
  // Not filled with zeros: each part is written when it is given away.
  const buffer = allocateUnfilled(SLAB_LENGTH);
  try {
    threads.markAsUntransferable(buffer);
    canShare = true;
    return buffer;
  } catch {
    canShare = false;
    return undefined;
  }
}
