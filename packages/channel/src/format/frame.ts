import * as frame from './frame-layout.js';

/** Words from the start of a header. */
export const LENGTH_WORD: number = frame.LENGTH_OFFSET >> 2;
export const KIND_WORD: number = frame.KIND_OFFSET >> 2;
export const SEQUENCE_WORD: number = frame.SEQUENCE_OFFSET >> 2;
export const TIMESTAMP_WORD: number = frame.TIMESTAMP_OFFSET >> 2;
/** Bits of the kind word from which on the publisher's slot stands. */
export const PUBLISHER_SHIFT = 16;

/** Whether so many messages can lie between two positions that far apart. */
export function isPlausible(messages: number, distance: number): boolean {
  return messages >= 0 && messages * frame.FRAME_ALIGNMENT <= distance;
}

/** Writes what stands at the tail: it says which number the next message gets. */
export function writeTerminator(
  ringWords: Int32Array,
  word: number,
  nextLow: number,
  nextHigh: number,
): void {
  ringWords[word + LENGTH_WORD] = 0;
  ringWords[word + KIND_WORD] = frame.KIND_TERMINATOR;
  ringWords[word + SEQUENCE_WORD] = nextLow;
  ringWords[word + SEQUENCE_WORD + 1] = nextHigh;
}
