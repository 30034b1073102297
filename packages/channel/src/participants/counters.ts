import type { ChannelMemory } from '../channel-memory.js';
import { HEADER_LENGTH } from '../layout/header-layout.js';
import * as slotLayout from '../layout/participant-layout.js';
import { readLong, writeLong } from '../ring/frame.js';

/** What a participant did since it joined. */
export interface ParticipantCounters {
  /** Messages published, or received. */
  readonly frames: number;
  /** Bytes of their payloads. */
  readonly bytes: number;
  /** Publishes that found no room. */
  readonly full: number;
  /** Messages that a subscriber lost. */
  readonly missed: number;
  /** Rings sent to wake others. */
  readonly wakeUps: number;
}

const FRAMES: number = slotLayout.FRAMES_OFFSET >> 2;
const BYTES: number = slotLayout.BYTES_OFFSET >> 2;
const FULL: number = slotLayout.FULL_OFFSET >> 2;
const MISSED: number = slotLayout.MISSED_OFFSET >> 2;
const WAKE_UPS: number = slotLayout.WAKE_UPS_OFFSET >> 2;

function firstWord(slot: number): number {
  return (HEADER_LENGTH + slot * slotLayout.PARTICIPANT_LENGTH) >> 2;
}

/** The counters of a slot, as its owner keeps them: nobody else writes them, so they cost a plain store. */
export class Counters {
  #frames = 0;
  #bytes = 0;
  #full = 0;
  #missed = 0;
  #wakeUps = 0;
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #base: number;

  constructor(memory: ChannelMemory, slot: number) {
    this.#words = memory.words;
    this.#base = firstWord(slot);
  }

  countFrames(frames: number, bytes: number): void {
    this.#frames += frames;
    this.#bytes += bytes;
    writeLong(this.#words, this.#base + FRAMES, this.#frames);
    writeLong(this.#words, this.#base + BYTES, this.#bytes);
  }

  countFull(): void {
    writeLong(this.#words, this.#base + FULL, ++this.#full);
  }

  countMissed(messages: number): void {
    this.#missed += messages;
    writeLong(this.#words, this.#base + MISSED, this.#missed);
  }

  countWakeUp(): void {
    writeLong(this.#words, this.#base + WAKE_UPS, ++this.#wakeUps);
  }
}

/** The counters of anybody's slot. They may have grown on arrival. */
export function readCounters(memory: ChannelMemory, slot: number): ParticipantCounters {
  const base = firstWord(slot);
  const read = (word: number) => readWhole(memory.words, base + word);
  return {
    frames: read(FRAMES),
    bytes: read(BYTES),
    full: read(FULL),
    missed: read(MISSED),
    wakeUps: read(WAKE_UPS),
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
