import { type WordBytes, withWords } from './word-bytes.js';

/** From this length on glibc asks the system for each block, until one that is longer was freed. */
const MAPPED_LENGTH = 128 * 1024;
/** The longest block, less what malloc adds, whose freeing glibc learns from. */
const LEARNED_LENGTH = 2 ** 25 - 2 ** 16;

let isLearned = false;

/**
 * Memory of exactly that many bytes, which may be a program's later: see `WordBytes.isFree`. What it holds is left from before,
 * until it is written.
 */
export function allocateFreeBytes(length: number): WordBytes {
  if (length >= MAPPED_LENGTH && !isLearned) keepFreedMemory();
  const { buffer } = Buffer.allocUnsafeSlow(length);
  const bytes = withWords(new Uint8Array(buffer as ArrayBuffer, 0, length));
  bytes.isFree = true;
  return bytes;
}

/**
 * Has malloc use freed memory again, up to 64 MiB of it, instead of giving it back to the system: fresh pages take six times as
 * long as copying to them. glibc adapts to the longest block that was freed so far, unless the user has set its
 * thresholds; so it gets one that is never written, and that the collector frees. Other allocators take no notice.
 */
function keepFreedMemory(): void {
  isLearned = true;
  Buffer.allocUnsafeSlow(LEARNED_LENGTH);
}
