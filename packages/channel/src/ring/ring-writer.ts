import type { ChannelMemory } from '../channel-memory.js';
import { ChannelError } from '../errors.js';
import * as frame from '../layout/frame-layout.js';
import { EPOCH_OFFSET, HEAD_OFFSET, TAIL_OFFSET } from '../layout/header-layout.js';
import { STATE_DISCONNECTED, STATE_RELIABLE } from '../layout/participant-layout.js';
import type { ParticipantTable } from '../participants/participant-table.js';
import {
  KIND_WORD,
  LENGTH_WORD,
  PUBLISHER_SHIFT,
  readLong,
  SEQUENCE_WORD,
  TIMESTAMP_WORD,
  writeLong,
  writeTerminator,
} from './frame.js';

const TAIL = TAIL_OFFSET >> 3;
const HEAD = HEAD_OFFSET >> 3;
const EPOCH = EPOCH_OFFSET >> 2;

/** The head moves on by at least this part of the ring at a time, so that few messages pay for moving it. */
const HEAD_STEP_PART = 16;
/** Payloads up to this many bytes are copied word by word, which beats a call of `set` there. */
const WORD_COPY_LIMIT = 256;

/** Appends frames to a ring. Every method is called with the publisher lock held. */
export class RingWriter {
  /** Position after the last committed frame, since {@link RingWriter.begin}. */
  tail = -1;
  /** Number that the next message gets, since {@link RingWriter.begin}. */
  nextSequence = 0;
  readonly #channel: string;
  readonly #longs: BigInt64Array<ArrayBuffer>;
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #ring: Uint8Array<ArrayBuffer>;
  readonly #ringWords: Int32Array<ArrayBuffer>;
  readonly #capacity: number;
  readonly #table: ParticipantTable;
  readonly #slot: number;
  /** At or below the real head, which only moves up. */
  #head = 0;
  /** The slowest reliable cursor, or the tail without one, when it was last looked up. */
  #slowest = 0;
  /** The epoch at that time: nobody joined with an older cursor since while it is the same. */
  #epoch = -1;

  constructor(memory: ChannelMemory, table: ParticipantTable, slot: number) {
    this.#channel = memory.name;
    this.#longs = memory.longs;
    this.#words = memory.words;
    this.#ring = memory.ring;
    this.#ringWords = memory.ringWords;
    this.#capacity = memory.geometry.ringCapacity;
    this.#table = table;
    this.#slot = slot;
  }

  /** Reads where the ring stands; first of all after the lock was taken. */
  begin(): void {
    const tail = Number(Atomics.load(this.#longs, TAIL));
    if (tail === this.tail) return;
    this.#check('tail', tail, 0, Number.MAX_SAFE_INTEGER - this.#capacity);
    this.tail = tail;
    this.nextSequence = readLong(this.#ringWords, this.#wordOf(tail) + SEQUENCE_WORD);
  }

  /**
   * Whether a frame with that payload can be written now: it overwrites nothing that a reliable subscriber still needs.
   * When it can, what it overwrites is given up by moving the head.
   */
  makeRoom(payloadLength: number): boolean {
    const end = this.#endOf(payloadLength) + frame.FRAME_ALIGNMENT;
    const overwritten = end - this.#capacity;
    if (overwritten > this.#slowest || this.#epoch !== Atomics.load(this.#words, EPOCH)) {
      this.#findSlowest();
      if (overwritten > this.#slowest) return false;
    }
    if (overwritten > this.#head) this.#moveHead(overwritten);
    return true;
  }

  /** Writes a message and commits it. Only after {@link RingWriter.makeRoom} said yes to that length. */
  append(payload: Uint8Array, payloadWords: Int32Array, length: number, timestamp: number): void {
    const words = this.#ringWords;
    const size = frame.frameLength(length);
    let word = this.#wordOf(this.tail);
    const end = this.#endOf(length);
    if (end - this.tail > size) {
      this.#writeHeader(
        word,
        (words.length - word) * 4 - frame.FRAME_HEADER_LENGTH,
        frame.KIND_PADDING,
        timestamp,
      );
      word = 0;
    }
    this.#writeHeader(word, length, frame.KIND_MESSAGE, timestamp);
    const start = word + (frame.FRAME_HEADER_LENGTH >> 2);
    if (length <= WORD_COPY_LIMIT) {
      const count = (length + 3) >> 2;
      for (let index = 0; index < count; index++) words[start + index] = payloadWords[index] as number;
    } else {
      this.#ring.set(payload.subarray(0, length), start * 4);
    }
    this.nextSequence++;
    // INVARIANT: every message once. Whoever publishes next, also after a death, finds its number at the tail.
    writeTerminator(words, this.#wordOf(end), this.nextSequence);
    this.tail = end;
    // SYNC: frame visible. This one store commits frame, sequence and terminator; readers load the tail before the frame.
    Atomics.store(this.#longs, TAIL, BigInt(end));
  }

  #writeHeader(word: number, length: number, kind: number, timestamp: number): void {
    const words = this.#ringWords;
    words[word + LENGTH_WORD] = length;
    words[word + KIND_WORD] = kind | (this.#slot << PUBLISHER_SHIFT);
    writeLong(words, word + SEQUENCE_WORD, this.nextSequence);
    writeLong(words, word + TIMESTAMP_WORD, timestamp);
  }

  /** Where the next frame ends: behind padding when it does not fit before the end of the ring. */
  #endOf(payloadLength: number): number {
    const size = frame.frameLength(payloadLength);
    const left = this.#capacity - (this.tail & (this.#capacity - 1));
    return this.tail + size + (size > left ? left : 0);
  }

  #wordOf(position: number): number {
    return (position & (this.#capacity - 1)) >> 2;
  }

  #findSlowest(): void {
    this.#epoch = Atomics.load(this.#words, EPOCH);
    this.#slowest = this.tail;
    const least = Math.max(0, this.tail - this.#capacity);
    const used = this.#table.used();
    for (let slot = 0; slot < used; slot++) {
      if (this.#table.stateOf(slot) !== STATE_RELIABLE) continue;
      const cursor = this.#table.cursorOf(slot);
      if (cursor >= least && cursor <= this.tail && cursor % frame.FRAME_ALIGNMENT === 0) {
        this.#slowest = Math.min(this.#slowest, cursor);
      } else {
        // No subscriber writes such a cursor. It must not hold everybody back for ever, so it is told instead.
        this.#table.storeState(slot, STATE_DISCONNECTED);
      }
    }
  }

  /** Gives up the oldest frames, at least up to that position. */
  #moveHead(least: number): void {
    const most = this.#slowest;
    const goal = Math.min(least + this.#capacity / HEAD_STEP_PART, most);
    let head = Number(Atomics.load(this.#longs, HEAD));
    this.#check('head', head, Math.max(0, this.tail - this.#capacity), this.tail);
    while (head < goal) head += this.#frameAt(head);
    // SYNC: overwrite announced. Exchange and load keep the plain stores that follow behind the new head; readers load
    // the head after they copied.
    Atomics.exchange(this.#longs, HEAD, BigInt(head));
    this.#head = Number(Atomics.load(this.#longs, HEAD));
  }

  #frameAt(position: number): number {
    const word = this.#wordOf(position);
    const size = frame.frameLength(this.#ringWords[word + LENGTH_WORD] as number);
    this.#check('size of the frame at the head', size, frame.FRAME_ALIGNMENT, this.tail - position);
    return size;
  }

  #check(what: string, value: number, least: number, most: number): void {
    if (value >= least && value <= most && value % frame.FRAME_ALIGNMENT === 0) return;
    throw new ChannelError(
      'CORRUPTED',
      this.#channel,
      `the ${what} is ${value}; it must be a multiple of ${frame.FRAME_ALIGNMENT} from ${least} to ${most}`,
    );
  }
}
