import { viewOf, type WordBytes } from '@mmfbus/codec/internal';
import { copyIn, type OwnBytes, type SharedBytes } from '@mmfbus/core/internal';
import { type Fragment, writeFragmentHeader } from '../format/fragment.js';
import { FRAGMENT_HEADER_LENGTH } from '../format/fragment-layout.js';
import {
  isPlausible,
  KIND_WORD,
  LENGTH_WORD,
  PUBLISHER_SHIFT,
  SEQUENCE_WORD,
  TIMESTAMP_WORD,
  writeTerminator,
} from '../format/frame.js';
import * as frame from '../format/frame-layout.js';
import { EPOCH_OFFSET, HEAD_OFFSET, HEADER_LENGTH, TAIL_OFFSET } from '../format/header-layout.js';
import { GENERATION_OFFSET, PARTICIPANT_LENGTH } from '../format/participant-layout.js';
import {
  highWordOf,
  longOf,
  lowWordOf,
  readLong,
  readPosition,
  storeWords,
  writeLong,
} from '../format/words.js';
import { ChannelError } from '../foundation/errors.js';
import { atStep } from '../foundation/steps.js';
import type { ChannelMemory } from '../membership/channel-memory.js';
import type { Cursors } from './cursors.js';

const TAIL = TAIL_OFFSET >> 3;
const TAIL_WORD = TAIL_OFFSET >> 2;
const HEAD = HEAD_OFFSET >> 3;
const EPOCH = EPOCH_OFFSET >> 2;

/** The head moves on by at least this part of the ring at a time, so that few messages pay for moving it. */
const HEAD_STEP_PART = 16;
/** A writer remembers one end of its frames in each of so many parts of the ring. */
const MARKS = 64;
/** Payloads up to this many bytes are copied word by word, which beats a call of `set` there. */
const WORD_COPY_LIMIT = 256;

/**
 * Appends frames to a ring: plan where they end, reserve that room, write, commit. Every method is called with the
 * publisher lock held.
 */
export class RingWriter {
  /*
   * Positions and numbers are kept as the two words that they have in memory: a message takes whole numbers of 32 bits
   * only, without a float for each.
   */
  /** The tail, since {@link RingWriter.begin}. */
  #tailLow = 0;
  #tailHigh = 0;
  /** Number that the message at the tail gets. */
  #committedLow = 1;
  #committedHigh = 0;
  /** Number that the next message gets, behind what was written. */
  #nextLow = 1;
  #nextHigh = 0;
  /** Number of the message after the last one that this writer committed. */
  #ownLow = 1;
  #ownHigh = 0;
  /** Bytes of frames that were written behind the tail. */
  #written = 0;
  /** Where the next frame begins, in bytes of the ring. */
  #offset = 0;
  /** Bytes from the tail on that can be written without moving the head. */
  #free = 0;
  readonly #channel: string;
  readonly #longs: BigInt64Array<ArrayBuffer>;
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #ring: SharedBytes;
  readonly #ringWords: Int32Array<ArrayBuffer>;
  readonly #capacity: number;
  /** So many bytes before the tail are not given up without need. */
  readonly #kept: number;
  readonly #cursors: Cursors;
  readonly #slot: number;
  /** Of the slot, as long as it is this publisher's. */
  readonly #generation: number;
  readonly #generationWord: number;
  /** The same since the tail was looked at for the first time; 0, which no generation is, before. */
  #begun = 0;
  /** At or below the real head, which only moves up. */
  #head = 0;
  /** The slowest reliable cursor, or the tail without one, when it was last looked up. */
  #slowest = 0;
  /** The epoch at that time: no subscriber has joined with an older cursor since while it is the same. */
  #epoch = -1;

  /**
   * Where a commit of this writer ended in each part of the ring, the first one there. A frame begins there, so the head can go there without
   * reading, one after the other, the lengths of frames that are in no cache any more.
   */
  readonly #marks = new Float64Array(MARKS);
  /** The part of the last mark. */
  #marked = -1;
  readonly #markShift: number;

  /** @param slot of the publisher. */
  constructor(memory: ChannelMemory, slot: number, cursors: Cursors) {
    const { ringCapacity, history, maxPayload } = memory.geometry;
    this.#channel = memory.name;
    this.#longs = memory.longs;
    this.#words = memory.words;
    this.#ring = memory.ring;
    this.#ringWords = memory.ringWords;
    this.#capacity = ringCapacity;
    this.#markShift = Math.max(0, Math.log2(ringCapacity / MARKS));
    // Two frames more than promised: the head may stop anywhere in a frame's length, and there may be padding.
    this.#kept = history === 0 ? 0 : (history + 2) * frame.frameLength(maxPayload);
    this.#slot = slot;
    this.#cursors = cursors;
    this.#generationWord = (HEADER_LENGTH + slot * PARTICIPANT_LENGTH + GENERATION_OFFSET) >> 2;
    this.#generation = Atomics.load(memory.words, this.#generationWord);
  }

  /** Position after the last committed frame, since {@link RingWriter.begin}. */
  get tail(): number {
    return longOf(this.#tailLow, this.#tailHigh);
  }

  /** Number that the next message gets, since {@link RingWriter.begin}. */
  get nextSequence(): number {
    return longOf(this.#nextLow, this.#nextHigh);
  }

  /** Number of the last message that this writer committed; 0 before the first. */
  get sequence(): number {
    return longOf(this.#ownLow, this.#ownHigh) - 1;
  }

  /** Reads where the ring stands; first of all after the lock was taken. */
  begin(): void {
    // Plain loads, at a tenth of the cost: the lock, taken before, orders them, and no other publisher moves the tail meanwhile.
    const words = this.#words;
    if (
      words[TAIL_WORD] !== this.#tailLow ||
      words[TAIL_WORD + 1] !== this.#tailHigh ||
      words[this.#generationWord] !== this.#begun
    ) {
      this.#lookAtTail();
    }
    this.#written = 0;
    this.#offset = this.#tailLow & (this.#capacity - 1);
    this.#nextLow = this.#committedLow;
    this.#nextHigh = this.#committedHigh;
  }

  /** At the first time, and when others have published. */
  #lookAtTail(): void {
    if (this.#words[this.#generationWord] !== this.#generation) {
      throw this.#corrupted(`the slot of this publisher, ${this.#slot}, is another participant's`);
    }
    const tail = readPosition(this.#words, TAIL_WORD);
    const before = this.tail;
    const committed = longOf(this.#committedLow, this.#committedHigh);
    this.#check('tail', tail, before, Number.MAX_SAFE_INTEGER - this.#capacity);
    const next = readLong(this.#ringWords, this.#wordOf(tail) + SEQUENCE_WORD);
    if (!isPlausible(next - committed, tail - before)) {
      throw this.#corrupted(`number ${next} stands at the tail, ${tail}; it was ${committed} at ${before}`);
    }
    this.#tailLow = lowWordOf(tail);
    this.#tailHigh = highWordOf(tail);
    this.#committedLow = lowWordOf(next);
    this.#committedHigh = highWordOf(next);
    this.#begun = this.#generation;
    this.#marked = -1;
    this.#findFree();
  }

  /** Bytes that a frame takes which is written next: with padding before it when it does not fit before the end of the ring. */
  sizeOf(payloadLength: number): number {
    return this.#sizeAt(this.#offset, payloadLength);
  }

  /** Bytes that frames of payloads of these lengths, `size` bytes of them, take when they are written next, one behind the other. */
  sizeOfAll(lengths: readonly number[], size: number): number {
    const start = this.#offset;
    if (size <= this.#capacity - start) return size;
    let end = start;
    for (const length of lengths) end += this.#sizeAt(end & (this.#capacity - 1), length);
    return end - start;
  }

  #sizeAt(offset: number, payloadLength: number): number {
    const size = frame.frameLength(payloadLength);
    const left = this.#capacity - offset;
    return size > left ? size + left : size;
  }

  /**
   * Whether so many bytes of frames can be written at the tail now: they overwrite nothing that a reliable subscriber still
   * needs. When they can, what they overwrite is given up by moving the head.
   */
  reserve(size: number): boolean {
    // What is below the head was given up before; who joined since begins at it, or later.
    if (size <= this.#free) return true;
    const overwritten = this.#overwrittenBy(size);
    if (overwritten > this.#slowest || this.#epoch !== Atomics.load(this.#words, EPOCH)) {
      this.#findSlowest();
      if (overwritten > this.#slowest) return false;
    }
    this.#moveHead(overwritten);
    return true;
  }

  /**
   * Gives up the reliable subscribers that hold back so many bytes of frames.
   *
   * @returns whether there were any.
   */
  disconnectSlow(size: number): boolean {
    return this.#cursors.disconnectBefore(this.#overwrittenBy(size));
  }

  /** Writes a whole message, whose bytes begin at a multiple of 4. No subscriber sees it before the commit. */
  writeMessage(payload: WordBytes, length: number, timestamp: number): void {
    this.#copy(payload, length, this.#openFrame(length, frame.KIND_MESSAGE, timestamp));
    this.#count();
  }

  /**
   * Writes whole messages whose frames lie one behind the other in private memory, each with room for its header: as many at
   * once as fit before the end of the ring.
   *
   * @param extended whether each begins with a header extension, which its length counts in. Defaults to false.
   */
  writeFrames(frames: WordBytes, lengths: readonly number[], timestamp: number, extended = false): void {
    const kind = extended ? frame.KIND_MESSAGE | frame.EXTENSION_BIT : frame.KIND_MESSAGE;
    const { words } = frames;
    let start = 0;
    let index = 0;
    while (index < lengths.length) {
      const offset = this.#offset;
      const limit = start + this.#capacity - offset;
      let low = this.#nextLow;
      let high = this.#nextHigh;
      let end = start;
      for (; index < lengths.length; index++) {
        const length = lengths[index] as number;
        const size = frame.frameLength(length);
        if (end + size > limit) break;
        this.#putHeader(words, end >> 2, length, kind, low, high, timestamp);
        low = (low + 1) | 0;
        if (low === 0) high++;
        end += size;
      }
      // What fills up the last frame need not be there.
      copyIn(viewOf(frames, start, Math.min(end, frames.length)), this.#ring, offset);
      this.#nextLow = low;
      this.#nextHigh = high;
      this.#advance(end - start);
      start = end;
      if (index < lengths.length && end < limit) this.#writePadding(timestamp);
    }
  }

  /** As {@link RingWriter.writeMessage}, a message whose bytes begin with a header extension, which `length` counts in. */
  writeExtended(payload: WordBytes, length: number, timestamp: number): void {
    const kind = frame.KIND_MESSAGE | frame.EXTENSION_BIT;
    this.#copy(payload, length, this.#openFrame(length, kind, timestamp));
    this.#count();
  }

  /** As {@link RingWriter.writeMessage}, a message of these bytes, wherever they lie: all of them, `length` in number. */
  writeBytes(bytes: Uint8Array, length: number, timestamp: number): void {
    copyIn(bytes, this.#ring, this.#openFrame(length, frame.KIND_MESSAGE, timestamp) * 4);
    this.#count();
  }

  /** Copies bytes of a payload to that word of the ring. */
  #copy(payload: WordBytes, length: number, word: number): void {
    if (length > WORD_COPY_LIMIT) {
      copyIn(viewOf(payload, 0, length), this.#ring, word * 4);
      return;
    }
    const target = this.#ringWords;
    const { words } = payload;
    const count = (length + 3) >> 2;
    for (let index = 0; index < count; index++) target[word + index] = words[index] as number;
  }

  /**
   * Begins a message whose payload is encoded right there, with padding before it where it needs some. After room for it
   * was reserved.
   *
   * @param length bytes that its payload takes at most.
   * @returns where the payload begins, in bytes of the ring.
   */
  openInPlace(length: number, timestamp: number): number {
    if (frame.frameLength(length) > this.#capacity - this.#offset) this.#writePadding(timestamp);
    return this.#offset + frame.FRAME_HEADER_LENGTH;
  }

  /** Writes the header of a message whose payload is in place. */
  finishInPlace(length: number, timestamp: number): void {
    this.#writeHeader(this.#offset >> 2, length, frame.KIND_MESSAGE, timestamp);
    this.#advance(frame.frameLength(length));
    this.#count();
  }

  /**
   * Writes a part of a message; the last one completes it.
   *
   * @param part where `began` is left out for the first part.
   * @param extension of the header, of the first part only. Defaults to none.
   * @returns where the message began.
   */
  writeFragment(
    part: Omit<Fragment, 'began'> & { readonly began: number | undefined },
    bytes: OwnBytes,
    timestamp: number,
    extension?: OwnBytes,
  ): number {
    const isLast = part.offset + bytes.length === part.total;
    const kind = isLast ? frame.KIND_LAST_FRAGMENT : frame.KIND_FRAGMENT;
    const extended = extension?.length ?? 0;
    const length = extended + FRAGMENT_HEADER_LENGTH + bytes.length;
    const start = this.#openFrame(length, extended > 0 ? kind | frame.EXTENSION_BIT : kind, timestamp) * 4;
    const { began = this.tail + this.#written - frame.frameLength(length) } = part;
    if (extension !== undefined) copyIn(extension, this.#ring, start);
    writeFragmentHeader(this.#ringWords, (start + extended) >> 2, { ...part, began });
    copyIn(bytes, this.#ring, start + extended + FRAGMENT_HEADER_LENGTH);
    if (isLast) this.#count();
    return began;
  }

  /** Makes everything visible that was written. */
  commit(): void {
    // INVARIANT: every message once. The next publisher, also after a death, finds its number at the tail.
    writeTerminator(this.#ringWords, this.#offset >> 2, this.#nextLow, this.#nextHigh);
    atStep?.('publish: frame written');
    const low = (this.#tailLow + this.#written) | 0;
    if (low >>> 0 < this.#tailLow >>> 0) this.#tailHigh++;
    this.#tailLow = low;
    // SYNC: frame visible. This one store commits frames, sequence and terminator; readers load the tail before the frame.
    storeWords(this.#words, this.#longs, TAIL, low, this.#tailHigh);
    this.#free -= this.#written;
    this.#written = 0;
    if (this.#nextLow !== this.#committedLow) {
      this.#ownLow = this.#committedLow = this.#nextLow;
      this.#ownHigh = this.#committedHigh = this.#nextHigh;
    }
    const part = this.#offset >> this.#markShift;
    if (part !== this.#marked) this.#mark(part);
    atStep?.('publish: committed');
  }

  /** Remembers the tail as where a frame begins in that part of the ring. */
  #mark(part: number): void {
    this.#marked = part;
    this.#marks[part] = this.tail;
  }

  /** The next message gets the next number. */
  #count(): void {
    this.#nextLow = (this.#nextLow + 1) | 0;
    if (this.#nextLow === 0) this.#nextHigh++;
  }

  /** So many bytes were written, which end at the end of the ring at most. */
  #advance(size: number): void {
    this.#offset = (this.#offset + size) & (this.#capacity - 1);
    this.#written += size;
  }

  /** Writes a header, and padding before it where it needs some; returns the word where the payload begins. */
  #openFrame(length: number, kind: number, timestamp: number): number {
    const size = frame.frameLength(length);
    if (size > this.#capacity - this.#offset) this.#writePadding(timestamp);
    const word = this.#offset >> 2;
    this.#writeHeader(word, length, kind, timestamp);
    this.#advance(size);
    return word + (frame.FRAME_HEADER_LENGTH >> 2);
  }

  /** Fills the rest of the ring up to its end. */
  #writePadding(timestamp: number): void {
    const left = this.#capacity - this.#offset;
    this.#writeHeader(this.#offset >> 2, left - frame.FRAME_HEADER_LENGTH, frame.KIND_PADDING, timestamp);
    this.#advance(left);
    atStep?.('publish: padding written');
  }

  /** Position up to which so many bytes of frames at the tail overwrite what is there. */
  #overwrittenBy(size: number): number {
    return this.tail + size + frame.FRAME_ALIGNMENT - this.#capacity;
  }

  #writeHeader(word: number, length: number, kind: number, timestamp: number): void {
    this.#putHeader(this.#ringWords, word, length, kind, this.#nextLow, this.#nextHigh, timestamp);
  }

  #putHeader(
    words: Int32Array,
    word: number,
    length: number,
    kind: number,
    low: number,
    high: number,
    timestamp: number,
  ): void {
    words[word + LENGTH_WORD] = length;
    words[word + KIND_WORD] = kind | (this.#slot << PUBLISHER_SHIFT);
    words[word + SEQUENCE_WORD] = low;
    words[word + SEQUENCE_WORD + 1] = high;
    writeLong(words, word + TIMESTAMP_WORD, timestamp);
  }

  #partOf(position: number): number {
    return (position & (this.#capacity - 1)) >> this.#markShift;
  }

  #wordOf(position: number): number {
    return (position & (this.#capacity - 1)) >> 2;
  }

  #findFree(): void {
    this.#free = Math.max(0, this.#head - this.#overwrittenBy(0));
  }

  #findSlowest(): void {
    const { tail } = this;
    this.#epoch = Atomics.load(this.#words, EPOCH);
    this.#slowest = this.#cursors.slowest(tail, Math.max(0, tail - this.#capacity));
  }

  /** Gives up the oldest frames, at least up to that position. */
  #moveHead(least: number): void {
    const { tail } = this;
    const most = this.#kept === 0 ? this.#slowest : Math.min(this.#slowest, tail - this.#kept);
    const goal = Math.max(least, Math.min(least + this.#capacity / HEAD_STEP_PART, most));
    let head = Number(Atomics.load(this.#longs, HEAD));
    this.#check('head', head, Math.max(0, tail - this.#capacity), tail);
    const mark = this.#marks[this.#partOf(goal - this.#capacity / MARKS)] as number;
    const isBetween = mark > head && mark <= goal;
    if (isBetween) head = mark;
    const stop = isBetween ? least : goal;
    while (head < stop) head += this.#frameAt(head, tail - head);
    // SYNC: overwrite announced. Exchange and load keep the plain stores that follow behind the new head; readers load
    // the head after they copied.
    Atomics.exchange(this.#longs, HEAD, BigInt(head));
    Atomics.load(this.#longs, HEAD);
    this.#head = head;
    this.#findFree();
    atStep?.('publish: head moved');
  }

  #frameAt(position: number, most: number): number {
    const word = this.#wordOf(position);
    const size = frame.frameLength(this.#ringWords[word + LENGTH_WORD] as number);
    this.#check('size of the frame at the head', size, frame.FRAME_ALIGNMENT, most);
    return size;
  }

  #check(what: string, value: number, least: number, most: number): void {
    if (value >= least && value <= most && frame.isAligned(value)) return;
    throw this.#corrupted(
      `the ${what} is ${value}; it must be a multiple of ${frame.FRAME_ALIGNMENT} from ${least} to ${most}`,
    );
  }

  #corrupted(problem: string): ChannelError {
    return new ChannelError('CORRUPTED', this.#channel, problem);
  }
}
