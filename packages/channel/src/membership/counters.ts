import { HEADER_LENGTH } from '../format/header-layout.js';
import * as slotLayout from '../format/participant-layout.js';
import { readLong, writeLong } from '../format/words.js';
import type { ChannelMemory } from './channel-memory.js';

/** What a participant did since it joined. */
export interface ParticipantCounters {
  /** Messages published, or received. */
  readonly messages: number;
  /** Bytes of their payloads. */
  readonly bytes: number;
  /** Publishes that found no room. */
  readonly full: number;
  /** Messages that a subscriber lost. */
  readonly missed: number;
  /** Rings sent to wake others. */
  readonly wakeUps: number;
  /** Publishes that were `busy`: another publisher held the lock for too long. */
  readonly busy: number;
}

const MESSAGES: number = slotLayout.MESSAGES_OFFSET >> 2;
const BYTES: number = slotLayout.BYTES_OFFSET >> 2;
const FULL: number = slotLayout.FULL_OFFSET >> 2;
const MISSED: number = slotLayout.MISSED_OFFSET >> 2;
const WAKE_UPS: number = slotLayout.WAKE_UPS_OFFSET >> 2;
const BUSY: number = slotLayout.BUSY_OFFSET >> 2;

function firstWord(slot: number): number {
  return (HEADER_LENGTH + slot * slotLayout.PARTICIPANT_LENGTH) >> 2;
}

/** The counters of a slot, as its owner keeps them: no other participant writes them, so they cost a plain store. */
export class Counters {
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #base: number;

  constructor(memory: ChannelMemory, slot: number) {
    this.#words = memory.words;
    this.#base = firstWord(slot);
  }

  countMessages(messages: number, bytes: number): void {
    this.#add(MESSAGES, messages);
    this.#add(BYTES, bytes);
  }

  countFull(): void {
    this.#add(FULL, 1);
  }

  countBusy(): void {
    this.#add(BUSY, 1);
  }

  countMissed(messages: number): void {
    const low = this.#base + MISSED;
    writeLong(this.#words, low, readLong(this.#words, low) + messages);
  }

  countWakeUp(): void {
    this.#add(WAKE_UPS, 1);
  }

  /** Adds less than 2^32, word by word: in whole numbers of 32 bits all the way. */
  #add(counter: number, amount: number): void {
    const words = this.#words;
    const low = this.#base + counter;
    const before = words[low] as number;
    const after = (before + amount) | 0;
    words[low] = after;
    if (after >>> 0 < before >>> 0) words[low + 1] = (words[low + 1] as number) + 1;
  }
}

/** The counters of any slot. They may have grown on arrival. */
export function readCounters(memory: ChannelMemory, slot: number): ParticipantCounters {
  const base = firstWord(slot);
  const read = (word: number) => readWhole(memory.words, base + word);
  return {
    messages: read(MESSAGES),
    bytes: read(BYTES),
    full: read(FULL),
    missed: read(MISSED),
    wakeUps: read(WAKE_UPS),
    busy: read(BUSY),
  };
}

/** Reads the low word between two equal high ones; a counter's high word changes once in 2^32. */
function readWhole(words: Int32Array, index: number): number {
  let value = readLong(words, index);
  for (let tries = 0; tries < 3; tries++) {
    const again = readLong(words, index);
    if (again >= value && again - value < 2 ** 31) return again;
    value = again;
  }
  return value;
}
