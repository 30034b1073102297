import * as fragment from './fragment-layout.js';
import { readLong, writeLong } from './words.js';

const BEGAN_WORD: number = fragment.FRAGMENT_BEGAN_OFFSET >> 2;
const TOTAL_WORD: number = fragment.FRAGMENT_TOTAL_OFFSET >> 2;
const OFFSET_WORD: number = fragment.FRAGMENT_OFFSET_OFFSET >> 2;
const GENERATION_WORD: number = fragment.FRAGMENT_GENERATION_OFFSET >> 2;

/** A part of a message that is too large for one frame. */
export interface Fragment {
  /** Position of the message's first part, which no other message has. */
  readonly began: number;
  /** Bytes of the whole message. */
  readonly total: number;
  /** Where in the message this part begins. */
  readonly offset: number;
  /** Generation of the publisher's slot. */
  readonly generation: number;
}

/** Writes what stands before the bytes of a part. */
export function writeFragmentHeader(words: Int32Array, word: number, part: Fragment): void {
  writeLong(words, word + BEGAN_WORD, part.began);
  words[word + TOTAL_WORD] = part.total;
  words[word + OFFSET_WORD] = part.offset;
  words[word + GENERATION_WORD] = part.generation;
  words[word + GENERATION_WORD + 1] = 0;
}

/** Reads it back; nothing in it is checked. */
export function readFragmentHeader(words: Int32Array, word: number): Fragment {
  return {
    began: readLong(words, word + BEGAN_WORD),
    total: (words[word + TOTAL_WORD] as number) >>> 0,
    offset: (words[word + OFFSET_WORD] as number) >>> 0,
    generation: (words[word + GENERATION_WORD] as number) >>> 0,
  };
}
