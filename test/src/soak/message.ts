/*
 * A message says who published it, as which of its messages, how long it is and when its publisher began with it; the rest
 * follows from these, so that its receiver can tell whether a single bit is another one.
 */

/** Bytes of the shortest message. */
export const SHORTEST = 24;
const PUBLISHER = 0;
const COUNTER = 1;
const LENGTH = 2;
const CHECK = 3;
/** Of the words of 64 bits. */
const BEGUN = 2;
const FIRST_FILLER = SHORTEST / 4;

/** What a message says of itself. */
export interface Content {
  readonly publisher: number;
  readonly counter: number;
  /** Bytes. */
  readonly length: number;
  /** When its publisher began with it: nanoseconds of the clock of timestamps. */
  readonly begun: number;
}

/** Of all that the message says of itself: another one for each change of a word. */
function checkOf(words: Uint32Array): number {
  let check = 0;
  for (let word = 0; word < FIRST_FILLER; word++) {
    if (word !== CHECK) check = Math.imul(check ^ (words[word] as number), 0x9e3779b1) + 1;
  }
  return check >>> 0;
}

function nextFiller(before: number): number {
  return (Math.imul(before, 0x2545f491) + 0x6d2b79f5) | 0;
}

/** Makes a message. */
export function makeMessage({ publisher, counter, length, begun }: Content): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4));
  words[PUBLISHER] = publisher;
  words[COUNTER] = counter;
  words[LENGTH] = length;
  new Float64Array(words.buffer, 0, SHORTEST / 8)[BEGUN] = begun;
  let filler = checkOf(words);
  words[CHECK] = filler;
  for (let word = FIRST_FILLER; word < words.length; word++) {
    filler = nextFiller(filler);
    words[word] = filler;
  }
  return new Uint8Array(words.buffer, 0, length);
}

/** What the message says; a text when it is not as it was made. */
export function readMessage(bytes: Uint8Array): Content | string {
  if (bytes.length < SHORTEST) return `it has ${bytes.length} bytes`;
  const copy = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  copy.set(bytes);
  const words = new Uint32Array(copy.buffer);
  const publisher = words[PUBLISHER] as number;
  const counter = words[COUNTER] as number;
  const length = words[LENGTH] as number;
  const begun = new Float64Array(copy.buffer, 0, SHORTEST / 8)[BEGUN] as number;
  const what = `message ${counter} of publisher ${publisher}`;
  let filler = checkOf(words);
  if (words[CHECK] !== filler) return `${what} has another check than ${filler}`;
  if (length !== bytes.length) return `${what} has ${bytes.length} bytes, it says ${length}`;
  const whole = length >>> 2;
  for (let word = FIRST_FILLER; word < whole; word++) {
    filler = nextFiller(filler);
    if (words[word] !== filler >>> 0) return `${what}, of ${length} bytes, is altered at byte ${4 * word}`;
  }
  const rest = length - 4 * whole;
  if (rest > 0 && words[whole] !== (nextFiller(filler) & (2 ** (8 * rest) - 1))) {
    return `${what}, of ${length} bytes, is altered at byte ${4 * whole}`;
  }
  return { publisher, counter, length, begun };
}
