/** From this length on glibc asks the system for each block, until one that is longer was freed. */
export const MAPPED_LENGTH: number = 128 * 1024;
/** The longest block, less what malloc adds, whose freeing glibc learns from. */
const LEARNED_LENGTH = 2 ** 25 - 2 ** 16;

let isLearned = false;

/** Memory of at least that many bytes. What it holds is left from before, until it is written. */
export function allocateUnfilled(length: number): ArrayBuffer {
  if (!isLearned) keepFreedMemory();
  return Buffer.allocUnsafeSlow(length).buffer as ArrayBuffer;
}

/**
 * Has malloc use freed memory again, up to 64 MiB of it, instead of giving it back to the system: fresh pages take six times as
 * long as copying to them, and more. glibc adapts to the longest block that was freed so far, unless the user has set its
 * thresholds; so it gets one that is never written, and that the collector frees. Other allocators take no notice.
 */
function keepFreedMemory(): void {
  isLearned = true;
  Buffer.allocUnsafeSlow(LEARNED_LENGTH);
}
