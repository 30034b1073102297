import { incarnationWords, type OriginWords } from '@mmfbus/channel/internal';
import type { Passage } from '../foundation/events.js';
import { HEADER, type Header, VERSION } from '../wire/header.js';
import type { RawMessage } from '../wire/raw-message.js';
import type { ImportTarget } from './import-target.js';
import type { Lane } from './lane.js';

const SEMICOLON = 0x3b;
const ZERO = 0x30;
/** Digits of a number that a double has exactly. */
const MOST_DIGITS = 15;
/** A time has its last digits apart, so that both parts are exact. */
const TIME_DIGITS = 19;
const LOW_DIGITS = 9;
const TEN_TO_9 = 1e9;
const TWO_TO_32 = 2 ** 32;

/** What a flow is made for. */
export interface FlowParts {
  readonly passage: Passage;
  readonly lane: Lane;
  readonly target: ImportTarget;
}

/**
 * Messages of one incarnation for one channel, which differ in their numbers, their time and their payload alone. What they have in
 * common was looked at once, in the first of them; of the others it is compared byte by byte.
 */
export class Flow {
  readonly passage: Passage;
  readonly lane: Lane;
  readonly target: ImportTarget;
  /** Of the message that was read last. */
  readonly origin: OriginWords;
  prev = 0;
  readonly #subject: Uint8Array;
  readonly #before: Uint8Array;
  readonly #behind: Uint8Array;
  #at = 0;

  /** After a message of that subject with that header, which is no gap and no piece. */
  constructor(
    subject: string,
    { incarnation, encoding, host }: Header,
    { passage, lane, target }: FlowParts,
  ) {
    this.passage = passage;
    this.lane = lane;
    this.target = target;
    this.origin = { incarnation: incarnationWords(incarnation), sequence: 0, timeLow: 0, timeHigh: 0 };
    this.#subject = Buffer.from(subject);
    this.#before = Buffer.from(`NATS/1.0\r\n${HEADER}: ${VERSION};${incarnation};`);
    this.#behind = Buffer.from(`;${encoding};${host}\r\n`);
  }

  /** Reads the header of a message. Returns false where the message has to be looked at by itself. */
  read({ subject, bytes, start }: RawMessage): boolean {
    if (!isEqual(this.#subject, subject, 0, subject.length)) return false;
    if (start < this.#before.length || !isEqual(this.#before, bytes, 0, this.#before.length)) return false;
    this.#at = this.#before.length;
    this.origin.sequence = this.#number(bytes, start);
    this.prev = this.#number(bytes, start);
    if (!(this.prev < this.origin.sequence) || !this.#time(bytes, start)) return false;
    // What JetStream was told stands behind that.
    const end = this.#at + this.#behind.length;
    return end <= start && isEqual(this.#behind, bytes, this.#at, end);
  }

  /** Reads a number and the semicolon behind it. Returns NaN where the bytes are something else. */
  #number(bytes: Uint8Array, limit: number): number {
    const first = this.#at;
    let at = first;
    let value = 0;
    for (; at < limit; at++) {
      const digit = (bytes[at] as number) - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    this.#at = at + 1;
    const isNumber = at > first && at - first <= MOST_DIGITS && bytes[at] === SEMICOLON;
    return isNumber ? value : Number.NaN;
  }

  /** Reads the time, up to its semicolon. */
  #time(bytes: Uint8Array, limit: number): boolean {
    const first = this.#at;
    let end = first;
    while (end < limit && bytes[end] !== SEMICOLON) end++;
    const length = end - first;
    if (length === 0 || length > TIME_DIGITS) return false;
    const split = Math.max(first, end - LOW_DIGITS);
    let high = 0;
    let low = 0;
    for (let at = first; at < end; at++) {
      const digit = (bytes[at] as number) - ZERO;
      if (digit < 0 || digit > 9) return false;
      if (at < split) high = high * 10 + digit;
      else low = low * 10 + digit;
    }
    this.#at = end;
    // The low word is exact, and the high one follows from the rest: a double is off by less than half a word.
    const word = (Math.imul(high % TWO_TO_32, TEN_TO_9) + low) | 0;
    this.origin.timeLow = word;
    this.origin.timeHigh = Math.round((high * TEN_TO_9 + low - (word >>> 0)) / TWO_TO_32) | 0;
    return true;
  }
}

/** Whether `bytes[start, end)` are these. */
function isEqual(expected: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  const { length } = expected;
  if (end - start !== length) return false;
  for (let index = 0; index < length; index++) {
    if (expected[index] !== bytes[start + index]) return false;
  }
  return true;
}
