import * as fragment from '../layout/fragment-layout.js';
import { readLong, writeLong } from './frame.js';

const MESSAGE_WORD: number = fragment.FRAGMENT_MESSAGE_OFFSET >> 2;
const TOTAL_WORD: number = fragment.FRAGMENT_TOTAL_OFFSET >> 2;
const OFFSET_WORD: number = fragment.FRAGMENT_OFFSET_OFFSET >> 2;
const GENERATION_WORD: number = fragment.FRAGMENT_GENERATION_OFFSET >> 2;

/** A part of a message that is too large for one frame. */
export interface Fragment {
  /** Number of the message among the split ones of its publisher. */
  readonly message: number;
  /** Bytes of the whole message. */
  readonly total: number;
  /** Where in the message this part begins. */
  readonly offset: number;
  /** Generation of the publisher's slot. */
  readonly generation: number;
}

/** Writes what stands before the bytes of a part. */
export function writeFragmentHeader(words: Int32Array, word: number, part: Fragment): void {
  writeLong(words, word + MESSAGE_WORD, part.message);
  writeLong(words, word + TOTAL_WORD, part.total);
  writeLong(words, word + OFFSET_WORD, part.offset);
  words[word + GENERATION_WORD] = part.generation;
  words[word + GENERATION_WORD + 1] = 0;
}

/** Reads it back; nothing in it is checked. */
export function readFragmentHeader(words: Int32Array, word: number): Fragment {
  return {
    message: readLong(words, word + MESSAGE_WORD),
    total: readLong(words, word + TOTAL_WORD),
    offset: readLong(words, word + OFFSET_WORD),
    generation: (words[word + GENERATION_WORD] as number) >>> 0,
  };
}
