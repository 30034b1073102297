import { allocateUnfilled } from './unfilled-memory.js';
import { type WordBytes, withWords } from './word-bytes.js';

/**
 * Memory of exactly that many bytes, which may be a program's later: see `WordBytes.isFree`. What it holds is left from before,
 * until it is written.
 */
export function allocateFreeBytes(length: number): WordBytes {
  const bytes = withWords(new Uint8Array(allocateUnfilled(length), 0, length));
  bytes.isFree = true;
  return bytes;
}
