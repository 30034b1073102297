import type { WordBytes } from '@mmfbus/codec/internal';
import { EXTENSION_UNIT } from './frame-layout.js';
import { readLong, writeLong } from './words.js';

/** Type of the header extension that says where a message comes from. */
const TYPE_ORIGIN = 1;
/** Bytes of that extension. */
export const ORIGIN_LENGTH: number = 4 * EXTENSION_UNIT;
/** Its first word: how many units it has, and its type. */
const FIRST_WORD: number = (ORIGIN_LENGTH / EXTENSION_UNIT) | (TYPE_ORIGIN << 16);
/** Words from its start. */
const INCARNATION_WORD = 2;
const SEQUENCE_WORD = 4;
const TIME_WORD = 6;

/** Where a message comes from that another channel carried before, perhaps on another machine. */
export interface Origin {
  /** Of that channel: 16 hexadecimal digits, as in a `Position`. */
  readonly incarnation: string;
  /** Number that the message had there. */
  readonly sequence: number;
  /** When it was published there, nanoseconds since 1970. */
  readonly time: bigint;
}

/** An origin as words, of which a program that writes many makes no BigInt: the low word of each number first. */
export interface OriginWords {
  readonly incarnation: readonly [low: number, high: number];
  sequence: number;
  timeLow: number;
  timeHigh: number;
}

/** The words of an incarnation. */
export function incarnationWords(incarnation: string): OriginWords['incarnation'] {
  return [Number.parseInt(incarnation.slice(8), 16) | 0, Number.parseInt(incarnation.slice(0, 8), 16) | 0];
}

/** Writes the extension to the first {@link ORIGIN_LENGTH} bytes. */
export function writeOrigin({ words }: WordBytes, { incarnation, sequence, time }: Origin): void {
  writeOriginWords(words, 0, {
    incarnation: incarnationWords(incarnation),
    sequence,
    timeLow: Number(BigInt.asIntN(32, time)),
    timeHigh: Number(BigInt.asIntN(32, time >> 32n)),
  });
}

/** Writes the extension to {@link ORIGIN_LENGTH} bytes from that word on. */
export function writeOriginWords(
  words: Int32Array,
  word: number,
  { incarnation, sequence, timeLow, timeHigh }: OriginWords,
): void {
  words[word] = FIRST_WORD;
  words[word + 1] = 0;
  words[word + INCARNATION_WORD] = incarnation[0];
  words[word + INCARNATION_WORD + 1] = incarnation[1];
  writeLong(words, word + SEQUENCE_WORD, sequence);
  words[word + TIME_WORD] = timeLow;
  words[word + TIME_WORD + 1] = timeHigh;
}

/** Reads the extension that begins at that word; undefined where it is of another type. */
export function readOrigin(words: Int32Array, word: number): Origin | undefined {
  if (words[word] !== FIRST_WORD) return undefined;
  const [low, high] = [words[word + TIME_WORD] as number, words[word + TIME_WORD + 1] as number];
  return {
    incarnation: hex(words, word + INCARNATION_WORD + 1) + hex(words, word + INCARNATION_WORD),
    sequence: readLong(words, word + SEQUENCE_WORD),
    time: (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0),
  };
}

function hex(words: Int32Array, word: number): string {
  return ((words[word] as number) >>> 0).toString(16).padStart(8, '0');
}
