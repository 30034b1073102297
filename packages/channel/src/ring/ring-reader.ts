import type { ChannelMemory } from '../channel-memory.js';
import * as frame from '../layout/frame-layout.js';
import { HEAD_OFFSET, TAIL_OFFSET } from '../layout/header-layout.js';
import { KIND_WORD, LENGTH_WORD, PUBLISHER_SHIFT, readLong, SEQUENCE_WORD, TIMESTAMP_WORD } from './frame.js';

const TAIL = TAIL_OFFSET >> 3;
const HEAD = HEAD_OFFSET >> 3;

/** Bytes that are copied out of the ring at a time. */
const BATCH_LENGTH = 64 * 1024;
/** How often a reader that is lapped again and again looks for the head before it says so. */
const MAX_LAPS = 100;

/**
 * - `message`: the reader's fields describe the next message.
 * - `empty`: everything committed was read.
 * - `lapped`: messages were overwritten before they were read; `sequence` is the next one there is.
 * - `corrupted`: the ring holds what no publisher writes; `problem` says what.
 */
export type ReadOutcome = 'message' | 'empty' | 'lapped' | 'corrupted';

/**
 * Reads frames, whole batches at a time: it copies them out, and only then checks that the publisher did not overwrite
 * them meanwhile. What it parses is a private copy, so nobody can change it under its hands.
 */
export class RingReader {
  /** Position of the next frame. */
  position = 0;
  /** Number of the message that was read; after `lapped`, of the next one. */
  sequence = 0;
  /** Number that the next message must have. */
  expected = 0;
  /** Where the payload of the message lies in {@link RingReader.batch}. */
  start = 0;
  end = 0;
  /** Nanoseconds of the monotonic clock. */
  timestamp = 0;
  /** Slot of the publisher. */
  publisher = 0;
  /** With `corrupted`: what is wrong. */
  problem = '';
  /** The private copy. Grows to the largest frame seen. */
  batch: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #batchWords = new Int32Array(0);
  /** The part of the batch that was not read yet. */
  #next = 0;
  #length = 0;
  readonly #longs: BigInt64Array<ArrayBuffer>;
  readonly #ring: Uint8Array<ArrayBuffer>;
  readonly #ringWords: Int32Array<ArrayBuffer>;
  readonly #capacity: number;
  readonly #maxPayload: number;
  readonly #fence = new Int32Array(1);

  constructor(memory: ChannelMemory) {
    this.#longs = memory.longs;
    this.#ring = memory.ring;
    this.#ringWords = memory.ringWords;
    this.#capacity = memory.geometry.ringCapacity;
    this.#maxPayload = memory.geometry.maxPayload;
    this.#grow(Math.min(BATCH_LENGTH, this.#capacity));
  }

  /** Position after the last committed frame, not checked. Stale on arrival. */
  loadTail(): number {
    // SYNC: frame visible. Loaded before the frame is copied; the publisher stores it after the frame.
    return Number(Atomics.load(this.#longs, TAIL));
  }

  /** Goes to the end of what is committed: only what comes after is read. */
  seekTail(): 'done' | 'corrupted' {
    for (let laps = 0; laps < MAX_LAPS; laps++) {
      const tail = this.loadTail();
      if (!this.#isPosition(tail)) return this.#corrupted(`the tail is ${tail}`);
      if (this.#resumeAt(tail)) {
        this.expected = this.sequence;
        return 'done';
      }
    }
    return this.#corrupted(`the head passed the tail ${MAX_LAPS} times`);
  }

  /** Reads the next frame that is a message. */
  read(): ReadOutcome {
    for (;;) {
      if (this.#next >= this.#length) {
        const outcome = this.#fill();
        if (outcome !== 'message') return outcome;
      }
      const word = this.#next >> 2;
      const words = this.#batchWords;
      const payload = words[word + LENGTH_WORD] as number;
      const kind = words[word + KIND_WORD] as number;
      const size = frame.frameLength(payload);
      if (size < frame.FRAME_ALIGNMENT) return this.#corrupted(`a frame of ${payload} bytes of payload`);
      if (this.#next + size > this.#length) {
        // The batch ends inside this frame: the next one begins with it.
        this.#length = 0;
        continue;
      }
      this.#next += size;
      this.position += size;
      if ((kind & 0xff) === frame.KIND_PADDING) continue;
      this.sequence = readLong(words, word + SEQUENCE_WORD);
      if (
        (kind & 0xff) !== frame.KIND_MESSAGE ||
        this.sequence !== this.expected ||
        payload > this.#maxPayload
      ) {
        return this.#corrupted(
          `frame of kind ${kind & 0xff}, ${payload} bytes, sequence ${this.sequence} where ${this.expected} was due`,
        );
      }
      this.expected++;
      this.start = (word << 2) + frame.FRAME_HEADER_LENGTH;
      this.end = this.start + payload;
      this.timestamp = readLong(words, word + TIMESTAMP_WORD);
      this.publisher = kind >>> PUBLISHER_SHIFT;
      return 'message';
    }
  }

  /** Copies the next batch; `message` when it begins with a whole frame. */
  #fill(): ReadOutcome {
    this.#length = 0;
    const tail = this.loadTail();
    if (tail === this.position) return 'empty';
    const committed = tail - this.position;
    if (!this.#isPosition(tail) || committed < 0)
      return this.#corrupted(`the tail is ${tail}, behind ${this.position}`);
    const offset = this.position & (this.#capacity - 1);
    const available = Math.min(committed, this.#capacity - offset);
    const length = Math.min(available, this.batch.length);
    if (!this.#copy(offset, length)) return this.#resumeAtHead();
    let size = frame.frameLength(this.#batchWords[LENGTH_WORD] as number);
    if (size > length && size <= available) {
      this.#grow(size);
      if (!this.#copy(offset, size)) return this.#resumeAtHead();
      // Read again: this copy is the one that counts.
      size = frame.frameLength(this.#batchWords[LENGTH_WORD] as number);
      this.#length = this.#batchWords.length * 4 < size ? 0 : size;
    } else {
      this.#length = length;
    }
    if (size < frame.FRAME_ALIGNMENT || size > this.#length) {
      return this.#corrupted(
        `a frame of ${size} bytes at ${this.position}, where ${available} are committed`,
      );
    }
    this.#next = 0;
    return 'message';
  }

  /** Copies from the ring; false when it was overwritten meanwhile. */
  #copy(offset: number, length: number): boolean {
    if (length <= 64) {
      const first = offset >> 2;
      for (let index = 0; index < length >> 2; index++)
        this.#batchWords[index] = this.#ringWords[first + index] as number;
    } else {
      this.batch.set(this.#ring.subarray(offset, offset + length));
    }
    // SYNC: overwrite announced. The read-modify-write keeps the copying before the load of the head; publishers move
    // the head before they overwrite.
    Atomics.add(this.#fence, 0, 1);
    return Number(Atomics.load(this.#longs, HEAD)) <= this.position;
  }

  #resumeAtHead(): ReadOutcome {
    this.#length = 0;
    for (let laps = 0; laps < MAX_LAPS; laps++) {
      const head = Number(Atomics.load(this.#longs, HEAD));
      if (!this.#isPosition(head) || head <= this.position || head > this.loadTail()) {
        return this.#corrupted(`the head is ${head}, the reader at ${this.position}`);
      }
      if (this.#resumeAt(head)) return 'lapped';
    }
    return this.#corrupted(`lapped ${MAX_LAPS} times in a row`);
  }

  /** Goes on at a frame; the header of any frame says the number of the message that comes next. */
  #resumeAt(position: number): boolean {
    const before = this.position;
    this.position = position;
    this.#length = 0;
    if (!this.#copy(position & (this.#capacity - 1), frame.FRAME_ALIGNMENT)) {
      this.position = before;
      return false;
    }
    this.sequence = readLong(this.#batchWords, SEQUENCE_WORD);
    return true;
  }

  #isPosition(position: number): boolean {
    return Number.isSafeInteger(position) && position >= 0 && position % frame.FRAME_ALIGNMENT === 0;
  }

  #corrupted(problem: string): 'corrupted' {
    this.#length = 0;
    this.problem = problem;
    return 'corrupted';
  }

  #grow(length: number): void {
    this.batch = new Uint8Array(Math.ceil(length / 4) * 4);
    this.#batchWords = new Int32Array(this.batch.buffer);
  }
}
