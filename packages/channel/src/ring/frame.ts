import * as frame from '../layout/frame-layout.js';

const TWO_TO_32 = 2 ** 32;

/** Words from the start of a header. */
export const LENGTH_WORD: number = frame.LENGTH_OFFSET >> 2;
export const KIND_WORD: number = frame.KIND_OFFSET >> 2;
export const SEQUENCE_WORD: number = frame.SEQUENCE_OFFSET >> 2;
export const TIMESTAMP_WORD: number = frame.TIMESTAMP_OFFSET >> 2;
/** Bits of the kind word from which on the publisher's slot stands. */
export const PUBLISHER_SHIFT = 16;

/** Writes a 64-bit number as two words, low one first. */
export function writeLong(words: Int32Array, index: number, value: number): void {
  words[index] = value;
  words[index + 1] = value / TWO_TO_32;
}

/** Reads a 64-bit number from two words; exact up to 2^53. */
export function readLong(words: Int32Array, index: number): number {
  return ((words[index + 1] as number) >>> 0) * TWO_TO_32 + ((words[index] as number) >>> 0);
}

/** Reads a position, which another program may have made negative. */
export function readPosition(words: Int32Array, index: number): number {
  return (words[index + 1] as number) * TWO_TO_32 + ((words[index] as number) >>> 0);
}

/** Whether so many messages can lie between two positions that far apart. */
export function isPlausible(messages: number, distance: number): boolean {
  return messages >= 0 && messages * frame.FRAME_ALIGNMENT <= distance;
}

/** Writes what stands at the tail: it says which number the next message gets. */
export function writeTerminator(ringWords: Int32Array, word: number, nextSequence: number): void {
  ringWords[word + LENGTH_WORD] = 0;
  ringWords[word + KIND_WORD] = frame.KIND_TERMINATOR;
  writeLong(ringWords, word + SEQUENCE_WORD, nextSequence);
}
