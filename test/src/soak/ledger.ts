import { readFileSync, rmSync } from 'node:fs';
import { MemoryMappedFile } from '@mmfbus/core';

/*
 * What a role has done, in a file that it has mapped: a store is all it takes to write something down, and what was stored
 * is there after the process was killed.
 *
 * First a header: numbers of 64 bits, words of 32, and the last stalls. Then entries of 4 words each; the file that follows a full one
 * has entries only, behind an unused header.
 */

/** A mapping's data begins 4 bytes behind its start; from here on, 64-bit numbers are aligned. */
const ALIGNED = 4;
const FILE_ALIGNED = 8;

const JOIN_BEGUN = 0;
const JOINED = 1;
const DRAIN_BEGUN = 2;

const INTENDED = 8;
const DONE = 9;
const ENDED = 10;
const SLOTS_RECOVERED = 11;
const LOCKS_RECOVERED = 12;
/** Two words, the high one first. */
const INCARNATION = 13;

/** The last times when nothing came for a while: times from here on, then the words. */
const STALLS = 16;
const STALL_TIME = 8;
const STALL_LAST = 48;

const HEADER_LENGTH = 256;
const ENTRY_WORDS = 4;
const ENTRIES_A_FILE = 4000;
const FILE_LENGTH: number = HEADER_LENGTH + ENTRIES_A_FILE * ENTRY_WORDS * 4;

/** In an entry, instead of a publisher. */
export const GAP = 0;
/** In an entry, instead of a publisher: what arrived is not one of our messages. */
export const ALTERED = 0xffff_ffff;

/** Messages that follow each other in the channel and at their publisher, or that were missed. */
export interface Entry {
  /** Number of the first one in the channel. */
  readonly sequence: number;
  /** Who published them, or {@link GAP} or {@link ALTERED}. */
  readonly publisher: number;
  /** Number of the first one at its publisher; 0 for a gap. */
  readonly counter: number;
  readonly count: number;
}

/** A while in which a subscriber's event loop turned many times and nothing came. */
export interface Stall {
  /** When it began: nanoseconds of the clock of timestamps. */
  readonly since: number;
  /** Number of the last message before it. */
  readonly last: number;
}

/** What a ledger says when it is read after its writer's end. Times are nanoseconds of the clock of timestamps, or 0. */
export interface LedgerContents {
  readonly joinBegun: number;
  readonly joined: number;
  /** Of the channel that it joined; zeros before that. */
  readonly incarnation: string;
  readonly drainBegun: number;
  /** Publisher: the last message that it began to publish. */
  readonly intended: number;
  /** Publisher: the last message that it knows it published. */
  readonly done: number;
  /** Whether it ended by itself. */
  readonly ended: boolean;
  /** Slots, and locks, of dead participants that it saw freed in its thread. */
  readonly recovered: { readonly slots: number; readonly locks: number };
  readonly stalls: readonly Stall[];
  readonly entries: readonly Entry[];
}

/** Writes a ledger. */
export class Ledger {
  readonly #path: string;
  readonly #files: MemoryMappedFile[] = [];
  readonly #header: Uint32Array<ArrayBuffer>;
  readonly #times: Float64Array<ArrayBuffer>;
  #words: Uint32Array<ArrayBuffer>;
  /** Where the last entry stands, and what would continue it. */
  #entry = HEADER_LENGTH / 4 - ENTRY_WORDS;
  #publisher = -1;
  #nextSequence = 0;
  #nextCounter = 0;
  #stalls = 0;

  constructor(path: string) {
    this.#path = path;
    this.#header = this.#openFile();
    this.#words = this.#header;
    this.#times = new Float64Array(this.#header.buffer, this.#header.byteOffset, HEADER_LENGTH / 8);
  }

  #openFile(): Uint32Array<ArrayBuffer> {
    const file = MemoryMappedFile.openFile(filePath(this.#path, this.#files.length), ALIGNED + FILE_LENGTH);
    this.#files.push(file);
    const { buffer, byteOffset } = file.view(ALIGNED, FILE_LENGTH);
    return new Uint32Array(buffer, byteOffset, FILE_LENGTH / 4);
  }

  joinBegun(time: number): void {
    this.#times[JOIN_BEGUN] = time;
  }

  /** @param incarnation of the channel, which it is a life of. */
  joined(time: number, incarnation: string): void {
    this.#header[INCARNATION] = Number.parseInt(incarnation.slice(0, 8), 16);
    this.#header[INCARNATION + 1] = Number.parseInt(incarnation.slice(8), 16);
    this.#times[JOINED] = time;
  }

  drainBegun(time: number): void {
    this.#times[DRAIN_BEGUN] = time;
  }

  /** Before it is published. */
  intend(counter: number): void {
    this.#header[INTENDED] = counter;
  }

  /** After it was published. */
  done(counter: number): void {
    this.#header[DONE] = counter;
  }

  ended(): void {
    this.#header[ENDED] = 1;
  }

  stalled({ since, last }: Stall): void {
    const place = this.#stalls++ % STALLS;
    this.#times[STALL_TIME + place] = 0;
    this.#header[STALL_LAST + place] = last;
    this.#times[STALL_TIME + place] = since;
  }

  recovered(what: 'slot' | 'lock'): void {
    const index = what === 'slot' ? SLOTS_RECOVERED : LOCKS_RECOVERED;
    this.#header[index] = (this.#header[index] as number) + 1;
  }

  /** Number of the last message that was received or missed; 0 for none. */
  get last(): number {
    return Math.max(0, this.#nextSequence - 1);
  }

  received(sequence: number, publisher: number, counter: number): void {
    if (publisher === this.#publisher && sequence === this.#nextSequence && counter === this.#nextCounter) {
      const index = this.#entry + 3;
      this.#words[index] = (this.#words[index] as number) + 1;
      this.#nextSequence++;
      this.#nextCounter++;
      return;
    }
    this.#begin(sequence, publisher, counter, 1);
  }

  missed(from: number, count: number): void {
    this.#begin(from, GAP, 0, count);
  }

  altered(sequence: number): void {
    this.#begin(sequence, ALTERED, 0, 1);
  }

  #begin(sequence: number, publisher: number, counter: number, count: number): void {
    this.#entry += ENTRY_WORDS;
    if (this.#entry === this.#words.length) {
      this.#words = this.#openFile();
      this.#entry = HEADER_LENGTH / 4;
    }
    this.#words[this.#entry] = sequence;
    this.#words[this.#entry + 1] = publisher;
    this.#words[this.#entry + 2] = counter;
    // Last: an entry without a count is none.
    this.#words[this.#entry + 3] = count;
    this.#publisher = publisher;
    this.#nextSequence = sequence + count;
    this.#nextCounter = counter + count;
  }

  close(): void {
    for (const file of this.#files) file.close();
  }
}

function filePath(path: string, number: number): string {
  return `${path}.${number}`;
}

function readWords(path: string, number: number): Uint32Array | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(filePath(path, number));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const copy = new Uint8Array(FILE_LENGTH);
  copy.set(bytes.subarray(FILE_ALIGNED, FILE_ALIGNED + FILE_LENGTH));
  return new Uint32Array(copy.buffer);
}

/** Reads a ledger whose writer has ended; undefined when it came to write none. */
export function readLedger(path: string): LedgerContents | undefined {
  const header = readWords(path, 0);
  if (header === undefined) return undefined;
  const times = new Float64Array(header.buffer);
  const entries: Entry[] = [];
  for (let number = 0, words: Uint32Array | undefined = header; words !== undefined; ) {
    readEntries(words, entries);
    words = readWords(path, ++number);
  }
  return {
    joinBegun: times[JOIN_BEGUN] as number,
    joined: times[JOINED] as number,
    incarnation: [0, 1].map((word) => hex(header[INCARNATION + word] as number)).join(''),
    drainBegun: times[DRAIN_BEGUN] as number,
    intended: header[INTENDED] as number,
    done: header[DONE] as number,
    ended: header[ENDED] === 1,
    stalls: Array.from({ length: STALLS }, (_, place) => ({
      since: times[STALL_TIME + place] as number,
      last: header[STALL_LAST + place] as number,
    })).filter(({ since }) => since > 0),
    recovered: { slots: header[SLOTS_RECOVERED] as number, locks: header[LOCKS_RECOVERED] as number },
    entries,
  };
}

function hex(word: number): string {
  return word.toString(16).padStart(8, '0');
}

function readEntries(words: Uint32Array, entries: Entry[]): void {
  for (let index = HEADER_LENGTH / 4; index < words.length; index += ENTRY_WORDS) {
    const [sequence, publisher, counter, count] = words.subarray(index, index + ENTRY_WORDS) as unknown as [
      number,
      number,
      number,
      number,
    ];
    if (count === 0) return;
    entries.push({ sequence, publisher, counter, count });
  }
}

/** Removes a ledger. */
export function removeLedger(path: string): void {
  for (let number = 0; readWords(path, number) !== undefined; number++) rmSync(filePath(path, number));
}
