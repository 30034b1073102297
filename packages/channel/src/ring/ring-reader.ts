import { allocateFreeBytes, type WordBytes } from '@mmfbus/codec/internal';
import { type Fragment, readFragmentHeader } from '../format/fragment.js';
import { FRAGMENT_HEADER_LENGTH } from '../format/fragment-layout.js';
import {
  isPlausible,
  KIND_WORD,
  LENGTH_WORD,
  PUBLISHER_SHIFT,
  SEQUENCE_WORD,
  TIMESTAMP_WORD,
} from '../format/frame.js';
import * as frame from '../format/frame-layout.js';
import { HEAD_OFFSET, TAIL_OFFSET } from '../format/header-layout.js';
import { MAX_EXTENSION_LENGTH } from '../format/limits.js';
import { type Origin, readOrigin } from '../format/origin.js';
import { highWordOf, isLong, loadGrowing, longOf, lowWordOf, readLong } from '../format/words.js';
import type { ChannelMemory } from '../membership/channel-memory.js';
import { Reassembly, type ReassemblyOutcome } from './reassembly.js';
import { RingCopy } from './ring-copy.js';

const TAIL = TAIL_OFFSET >> 3;
const HEAD = HEAD_OFFSET >> 3;
/** Bits of the word of the kind that say what a frame is; the others are the publisher's. */
const KIND_BITS: number = 2 ** PUBLISHER_SHIFT - 1;

/** Bytes that are copied after a frame that was longer, as more of them may come: enough for what stands before its bytes. */
const PROBE_LENGTH = 256;
/** Tries to go on at the head, which may move on while it is read; after that a reader gives up what is in the ring. */
const HEAD_TRIES = 8;
/** Tries to read the number at the tail: each fails only when publishers fill the ring once while it is read. */
const TAIL_TRIES = 100;

/**
 * - `message`: the reader's fields describe the next message.
 * - `omitted`: the same, but without the bytes: the message is longer than this reader takes.
 * - `part`: a frame was taken that is no message for the program: a part of one, or one from before the start.
 * - `empty`: everything committed was read.
 * - `lapped`: messages were overwritten before they were read; `sequence` is the next one there may be.
 * - `corrupted`: the ring holds what no publisher writes; `problem` says what.
 */
export type ReadOutcome = 'message' | 'omitted' | 'part' | 'empty' | 'lapped' | 'corrupted';

/**
 * Reads frames, whole batches at a time. What it parses, and hands on, is a private copy. A frame that is longer than a batch is
 * copied to memory of its own.
 */
export class RingReader {
  /** Number of the message that was read; after `lapped`, of the next one. */
  sequence = 0;
  /** Number of the first message that is wanted; those before it are left out. */
  first = 0;
  /** Position from which on messages are owed that are completed later: those begun before that are not. */
  fragmentFloor = 0;
  /** Where the bytes of the message are; valid until the next one is read. */
  payload: WordBytes;
  start = 0;
  end = 0;
  /** Nanoseconds of the monotonic clock. */
  timestamp = 0;
  /** Slot of the publisher. */
  publisher = 0;
  /** Where the message comes from, if another channel carried it before. */
  origin: Origin | undefined;
  /** With `omitted`: bytes of the message. */
  omitted = 0;
  /** With `corrupted`: what is wrong. */
  problem = '';
  /** Most bytes that were committed and not read at any time since it was set to 0. */
  backlog = 0;
  /** The batch. */
  readonly #copy: RingCopy;
  /** Most bytes of the next batch. */
  #mostNext: number;
  /** Memory of the last message that was longer than a batch, unless the value took it. */
  #large: WordBytes | undefined;
  /** Position where the batch begins, and where in it the part lies that was not read yet. */
  #base = 0;
  #next = 0;
  #end = 0;
  /** Where the part of the batch ends that {@link RingReader.readWhole} may read. */
  #wholeEnd = 0;
  /** Where in the batch the message began that it read last. */
  #last = 0;
  /** Number that the next message must have, in two words: frames are compared with them, which takes no float. */
  #low = 0;
  #high = 0;
  /** Position up to which all frames were what they should be. */
  #trusted = 0;
  /** What the tail was at the last look. */
  #seen = 0;
  #words: Int32Array<ArrayBuffer>;
  #longs: BigInt64Array<ArrayBuffer>;
  readonly #capacity: number;
  readonly #maxPayload: number;
  readonly #maxMessage: number;
  readonly #longest: number;
  /** Bytes of the longest payload that {@link RingReader.readWhole} reads. */
  readonly #longestWhole: number;
  readonly #participants: number;
  readonly #reassembly: Reassembly;

  /** @param longest bytes of the longest message that is taken; longer ones are counted. Defaults to all. */
  constructor(memory: ChannelMemory, longest: number = memory.geometry.maxMessage) {
    this.#words = memory.words;
    this.#longs = memory.longs;
    this.#longest = longest;
    this.#longestWhole = Math.min(longest, memory.geometry.maxPayload, memory.geometry.maxMessage);
    this.#capacity = memory.geometry.ringCapacity;
    this.#maxPayload = memory.geometry.maxPayload;
    this.#maxMessage = memory.geometry.maxMessage;
    this.#participants = memory.geometry.participantCount;
    this.#reassembly = new Reassembly(memory.geometry.maxMessage, longest);
    this.#copy = new RingCopy(memory);
    this.#mostNext = this.#copy.longest;
    this.payload = this.#copy.bytes;
  }

  /** Goes on in the same ring, which is mapped elsewhere now. */
  attach(memory: ChannelMemory): void {
    this.#words = memory.words;
    this.#longs = memory.longs;
    this.#copy.attach(memory);
  }

  /** Position of the next frame. */
  get position(): number {
    return this.#base + this.#next;
  }

  /** Number that the next message must have. */
  get expected(): number {
    return longOf(this.#low, this.#high);
  }

  set expected(number: number) {
    this.#low = lowWordOf(number);
    this.#high = highWordOf(number);
  }

  /** Bytes of the batch that were read. */
  get offset(): number {
    return this.#next;
  }

  /** Position of the message that {@link RingReader.readWhole} read. */
  get positionOfLast(): number {
    return this.#base + this.#last;
  }

  /** Position after the last committed frame, not checked. Stale on arrival. */
  loadTail(): number {
    // SYNC: frame visible. Loaded before the frame is copied; the publisher stores it after the frame.
    return loadGrowing(this.#words, this.#longs, TAIL, this.position);
  }

  /** Goes to the end of what is committed: only what comes after is read. */
  seekTail(): 'done' | 'corrupted' {
    const outcome = this.#readTail();
    if (outcome === 'overtaken') return this.#corrupted(`the head passed the tail ${TAIL_TRIES} times`);
    if (outcome === 'corrupted') return outcome;
    this.expected = this.sequence;
    return 'done';
  }

  /** Goes to the tail, and reads which number comes next; `overtaken` when publishers were faster at every try. */
  #readTail(): 'done' | 'overtaken' | 'corrupted' {
    for (let tries = 0; tries < TAIL_TRIES; tries++) {
      const tail = this.loadTail();
      if (!this.#isPosition(tail)) return this.#corrupted(`the tail is ${tail}`);
      if (!this.#resumeAt(tail)) continue;
      // Numbers begin at 1.
      if (isPlausible(this.sequence - 1, tail)) return 'done';
      return this.#corrupted(`number ${this.sequence} stands at the tail, which is ${tail}`);
    }
    return 'overtaken';
  }

  /**
   * Goes to the oldest frame there is, from the tail. With the publisher lock held, so that it stays where it is.
   */
  seekHead(): 'done' | 'corrupted' {
    const { position, expected } = this;
    const head = Number(Atomics.load(this.#longs, HEAD));
    if (!this.#isPosition(head) || head > position || !this.#fits(head, position) || !this.#resumeAt(head)) {
      return this.#corrupted(`the head is ${head}, the tail ${position}`);
    }
    if (!isPlausible(expected - this.sequence, position - head)) {
      return this.#corrupted(`number ${this.sequence} stands at the head, ${expected} at the tail`);
    }
    this.expected = this.sequence;
    return 'done';
  }

  /** Goes to the oldest frame there is without the lock; to the tail where publishers are faster at every try. */
  seekOldest(): 'done' | 'corrupted' {
    for (let tries = 0; tries < HEAD_TRIES; tries++) {
      if (this.seekTail() === 'corrupted') return 'corrupted';
      const head = Number(Atomics.load(this.#longs, HEAD));
      // Publishers went on since the tail was read.
      if (head > this.position) continue;
      if (!this.#isPosition(head) || !this.#fits(head, this.position)) {
        return this.#corrupted(`the head is ${head}, the tail ${this.position}`);
      }
      if (!this.#resumeAt(head)) continue;
      this.expected = this.sequence;
      return 'done';
    }
    return this.seekTail();
  }

  /** Goes on at the tail; what lies before it is lost, also the parts of messages that were read. */
  skipToTail(): 'lapped' | 'corrupted' {
    const { expected } = this;
    this.#reassembly.dropAll();
    const position = this.#trusted;
    if (this.seekTail() === 'corrupted') return 'corrupted';
    this.expected = expected;
    // Where the reader began, a wrong tail may have stood.
    this.fragmentFloor = Math.min(this.fragmentFloor, this.position);
    if (isPlausible(this.sequence - expected, this.position - position)) return 'lapped';
    return this.#corrupted(`number ${this.sequence} stands at the tail, where ${expected} was due before`);
  }

  /** Forgets the parts of messages whose publishers are gone. */
  forgetUnless(isThere: (slot: number, generation: number) => boolean): void {
    if (!this.#reassembly.isEmpty) this.#reassembly.dropUnless(isThere);
  }

  /** Looks how much is committed, where it has not read all that was when it last looked: that may be long ago. */
  look(): void {
    if (!this.hasReadSeen) this.#seen = this.loadTail();
  }

  /** Whether all has been read that was committed when it last looked. */
  get hasReadSeen(): boolean {
    return this.#next >= this.#end && this.position === this.#seen;
  }

  /**
   * Reads the next frame where it is a message of the batch like most: whole, without an origin, and wanted. Where this returns false,
   * nothing was read, and {@link RingReader.read} tells what there is.
   */
  readWhole(): boolean {
    const { words } = this.#copy;
    const next = this.#next;
    const word = next >> 2;
    const length = words[word + LENGTH_WORD] as number;
    const end = next + frame.frameLength(length);
    if (end > this.#wholeEnd || length >>> 0 > this.#longestWhole) return false;
    const kind = words[word + KIND_WORD] as number;
    const publisher = kind >>> PUBLISHER_SHIFT;
    if ((kind & KIND_BITS) !== frame.KIND_MESSAGE || publisher >= this.#participants) return false;
    const low = this.#low;
    const high = this.#high;
    if (words[word + SEQUENCE_WORD] !== low || words[word + SEQUENCE_WORD + 1] !== high) return false;
    // Each 2^32nd message has another high word behind it, and is left to the other way.
    const nextLow = (low + 1) | 0;
    const after = (end >> 2) + SEQUENCE_WORD;
    if (words[after] !== nextLow || words[after + 1] !== high) return false;
    this.#last = next;
    this.#next = end;
    this.#low = nextLow;
    this.sequence = longOf(low, high);
    this.start = next + frame.FRAME_HEADER_LENGTH;
    this.end = this.start + length;
    this.timestamp = readLong(words, word + TIMESTAMP_WORD);
    this.publisher = publisher;
    this.origin = undefined;
    return true;
  }

  /** Reads the next frame. */
  read(): ReadOutcome {
    for (;;) {
      this.#trusted = this.position;
      if (this.#next >= this.#end) {
        const outcome = this.#fill();
        if (outcome === 'large') {
          const read = this.#readLarge();
          if (read === 'padding') continue;
          return read;
        }
        if (outcome !== 'batch') return outcome;
      }
      if (this.readWhole()) return 'message';
      const word = this.#next >> 2;
      const { words } = this.#copy;
      const payload = words[word + LENGTH_WORD] as number;
      const kind = words[word + KIND_WORD] as number;
      const size = frame.frameLength(payload);
      if (size < frame.FRAME_ALIGNMENT) return this.#corrupted(`a frame of ${payload} bytes of payload`);
      if (this.#next + size > this.#end) {
        // The batch ends inside this frame: the next one begins with it.
        this.#drop();
        continue;
      }
      this.#next += size;
      if ((kind & 0xff) !== frame.KIND_PADDING) return this.#readPayload(word, payload, kind);
      if (!this.#endsRing()) return 'corrupted';
    }
  }

  /** Whether padding, which was read, ends where it has to. */
  #endsRing(): boolean {
    if ((this.position & (this.#capacity - 1)) === 0) return true;
    this.#corrupted(`padding ends at ${this.position}, before the end of the ring`);
    return false;
  }

  #readPayload(word: number, length: number, kindWord: number): ReadOutcome {
    if (
      !this.#readHeader(word, length, kindWord) ||
      !this.#isFollowed(this.#next >> 2, kindWord & 0xff, length)
    ) {
      return 'corrupted';
    }
    if ((kindWord & 0xff) !== frame.KIND_MESSAGE) {
      // Whole messages end what their publishers began: one after the other is looked at, up to the end of the batch.
      this.#wholeEnd = 0;
      return this.#readFragment(kindWord);
    }
    if (!this.#isWhole()) return 'corrupted';
    this.payload = this.#copy.bytes;
    if (this.end - this.start > this.#longest) return this.#omit(this.end - this.start);
    return this.#count();
  }

  /** Reads what stands before the bytes of a frame; false where no publisher writes that. */
  #readHeader(word: number, length: number, kindWord: number): boolean {
    const { words } = this.#copy;
    const kind = kindWord & 0xff;
    const publisher = kindWord >>> PUBLISHER_SHIFT;
    this.sequence = this.expected;
    if (
      !isLong(words, word + SEQUENCE_WORD, this.expected) ||
      length >>> 0 > this.#maxPayload ||
      publisher >= this.#participants
    ) {
      this.sequence = readLong(words, word + SEQUENCE_WORD);
      const due = `sequence ${this.sequence} where ${this.expected} was due`;
      this.#corrupted(`frame of kind ${kind}, ${length} bytes, publisher ${publisher}, ${due}`);
      return false;
    }
    this.start = (word << 2) + frame.FRAME_HEADER_LENGTH;
    this.end = this.start + length;
    this.timestamp = readLong(words, word + TIMESTAMP_WORD);
    this.publisher = publisher;
    this.origin = undefined;
    if ((kindWord & frame.EXTENSION_BIT) === 0 || this.#readExtension()) return true;
    this.#corrupted(`an extension that a payload of ${length} bytes cannot begin with`);
    return false;
  }

  /**
   * Whether the header at that word is what follows the frame. A wrong length leads to an invalid one: found out before the
   * message is passed off as good.
   */
  #isFollowed(word: number, kind: number, length: number): boolean {
    const { words } = this.#copy;
    const due = this.expected + (kind === frame.KIND_FRAGMENT ? 0 : 1);
    if (isLong(words, word + SEQUENCE_WORD, due)) return true;
    const following = readLong(words, word + SEQUENCE_WORD);
    this.#corrupted(`a frame of ${length} bytes is followed by number ${following}, ${due} was due`);
    return false;
  }

  /** Reads what stands before the payload; false where it would not end within the frame. */
  #readExtension(): boolean {
    const { words } = this.#copy;
    const length = ((words[this.start >> 2] as number) & 0xffff) * frame.EXTENSION_UNIT;
    if (length === 0 || length > MAX_EXTENSION_LENGTH || this.start + length > this.end) return false;
    this.origin = readOrigin(words, this.start >> 2);
    this.start += length;
    return true;
  }

  /** Whether the frame can be a whole message; then it ends what its publisher began before. */
  #isWhole(): boolean {
    const length = this.end - this.start;
    if (length > this.#maxMessage) {
      this.#corrupted(`a message of ${length} bytes; the most is ${this.#maxMessage}`);
      return false;
    }
    if (this.#reassembly.isEmpty) return true;
    if (this.#isLastFragment(this.publisher)) {
      this.#corrupted(`frame of kind ${frame.KIND_MESSAGE} with a last fragment`);
      return false;
    }
    this.#reassembly.drop(this.publisher);
    return true;
  }

  /** Whether what is said to be a whole message is the end of one that the same publisher has begun. */
  #isLastFragment(publisher: number): boolean {
    const length = this.end - this.start - FRAGMENT_HEADER_LENGTH;
    if (length < 0) return false;
    return this.#reassembly.isEndOf(publisher, readFragmentHeader(this.#copy.words, this.start >> 2), length);
  }

  #readFragment(kindWord: number): ReadOutcome {
    const part = this.#readFragmentHeader(kindWord);
    if (part === undefined) return 'corrupted';
    const bytes = this.#copy.bytes.subarray(this.start, this.end);
    const isLast = (kindWord & 0xff) === frame.KIND_LAST_FRAGMENT;
    const outcome = this.#reassembly.add(this.publisher, part, this.#trusted, bytes, isLast, this.origin);
    if (typeof outcome === 'object') return this.#corrupted(outcome.problem);
    return this.#afterPart(outcome, part, isLast);
  }

  /** What a part says of itself, behind which its bytes start; undefined where no publisher writes that. */
  #readFragmentHeader(kindWord: number): Fragment | undefined {
    const kind = kindWord & 0xff;
    const begin = this.start + FRAGMENT_HEADER_LENGTH;
    if ((kind !== frame.KIND_LAST_FRAGMENT && kind !== frame.KIND_FRAGMENT) || begin > this.end) {
      this.#corrupted(`frame of kind ${kind}, ${this.end - this.start} bytes`);
      return undefined;
    }
    const part = readFragmentHeader(this.#copy.words, this.start >> 2);
    if ((kindWord & frame.EXTENSION_BIT) !== 0 && part.offset !== 0) {
      this.#corrupted(`an extension in a fragment at ${part.offset}; only the first one has one`);
      return undefined;
    }
    this.start = begin;
    return part;
  }

  #afterPart(outcome: ReassemblyOutcome, part: Fragment, isLast: boolean): ReadOutcome {
    if (!isLast) return 'part';
    if (outcome === 'omitted') return this.#omit(part.total);
    if (outcome === 'complete') {
      const { message, length, origin } = this.#reassembly;
      this.payload = message;
      this.origin = origin;
      this.start = 0;
      this.end = length;
      return this.#count();
    }
    // Its beginning was overwritten, or nothing for this reader.
    if (part.began >= this.fragmentFloor && this.expected >= this.first) {
      this.sequence++;
      return 'lapped';
    }
    this.expected++;
    return 'part';
  }

  /**
   * Reads a frame that is longer than a batch, which holds its beginning: its bytes are copied once, to where they stay.
   */
  #readLarge(): ReadOutcome | 'padding' {
    const { words } = this.#copy;
    const { position } = this;
    const length = words[LENGTH_WORD] as number;
    const kindWord = words[KIND_WORD] as number;
    const kind = kindWord & 0xff;
    const size = frame.frameLength(length);
    if (kind === frame.KIND_PADDING) {
      this.#goTo(position + size);
      return this.#endsRing() ? 'padding' : 'corrupted';
    }
    if (!this.#readHeader(0, length, kindWord)) return 'corrupted';
    const isLast = kind === frame.KIND_LAST_FRAGMENT;
    let part: Fragment | undefined;
    let place: ReturnType<Reassembly['place']>;
    if (kind === frame.KIND_MESSAGE) {
      if (!this.#isWhole()) return 'corrupted';
      place = this.end - this.start > this.#longest ? 'omitted' : this.#largeOf(this.end - this.start);
    } else {
      part = this.#readFragmentHeader(kindWord);
      if (part === undefined) return 'corrupted';
      const bytes = this.end - this.start;
      place = this.#reassembly.place(this.publisher, part, this.#trusted, bytes, isLast, this.origin);
    }
    if (typeof place === 'object' && 'problem' in place) return this.#corrupted(place.problem);
    const target = typeof place === 'object' ? place : undefined;
    const bytes = { begin: this.start, end: this.end, target, at: part?.offset ?? 0 };
    if (!this.#copy.copyFrame(position, size, bytes)) return this.#resumeAtHead();
    this.#goTo(position + size);
    if (!this.#isFollowed(0, kind, length)) return 'corrupted';
    if (part !== undefined) {
      const outcome =
        place === 'orphan' ? place : this.#reassembly.finish(this.publisher, this.end - this.start);
      return this.#afterPart(outcome, part, isLast);
    }
    if (place === 'omitted') return this.#omit(this.end - this.start);
    this.payload = place as WordBytes;
    this.end -= this.start;
    this.start = 0;
    return this.#count();
  }

  /** Memory for a message of that many bytes. */
  #largeOf(length: number): WordBytes {
    const large = this.#large;
    // Not more than twice of what is needed: a value that takes it takes all of it.
    if (large?.isFree === true && large.length >= length && large.length <= 2 * length) return large;
    this.#large = allocateFreeBytes(length);
    return this.#large;
  }

  #omit(length: number): 'omitted' | 'part' {
    this.omitted = length;
    return this.#count() === 'message' ? 'omitted' : 'part';
  }

  #count(): 'message' | 'part' {
    this.expected++;
    return this.sequence < this.first ? 'part' : 'message';
  }

  /** Copies the next batch: `batch` when it begins with a whole frame, `large` with the beginning of one that is longer. */
  #fill(): ReadOutcome | 'batch' | 'large' {
    this.#drop();
    const tail = this.loadTail();
    if (tail === this.position) {
      // A large message is not kept until the next one comes.
      this.payload = this.#copy.bytes;
      if (this.#large?.isFree === false) this.#large = undefined;
      this.#reassembly.forgetMessage();
      return 'empty';
    }
    this.#seen = tail;
    const committed = tail - this.position;
    if (!this.#isPosition(tail) || committed < 0)
      return this.#corrupted(`the tail is ${tail}, behind ${this.position}`);
    this.backlog = Math.max(this.backlog, committed);
    const copy = this.#copy;
    const available = Math.min(committed, this.#capacity - (this.position & (this.#capacity - 1)));
    const most = copy.longest;
    let length = Math.min(available, this.#mostNext);
    this.#mostNext = most;
    if (!copy.copy(this.position, length)) return this.#keepRest(length) ?? this.#resumeAtHead();
    if (!this.#fits(this.position, tail)) {
      return this.#corrupted(`the tail is ${tail}, more than the ring holds beyond ${this.position}`);
    }
    let size = this.#sizeOfFirst();
    if (size > most && size <= available) {
      this.#mostNext = PROBE_LENGTH;
      return 'large';
    }
    if (size > length && size <= available) {
      length = Math.min(available, most);
      if (!copy.copy(this.position, length)) return this.#keepRest(length) ?? this.#resumeAtHead();
      // Read again: this copy is the one that counts.
      size = this.#sizeOfFirst();
    }
    if (size < frame.FRAME_ALIGNMENT || size > length) {
      return this.#corrupted(
        `a frame of ${size} bytes at ${this.position}, where ${available} are committed`,
      );
    }
    this.#begin(0, length);
    return 'batch';
  }

  /** A batch is there, from the position on, whose first `offset` bytes are not read. */
  #begin(offset: number, length: number): void {
    this.#next = offset;
    this.#end = length;
    const areWhole = this.#reassembly.isEmpty && this.expected >= this.first;
    this.#wholeEnd = areWhole ? length : 0;
    this.payload = this.#copy.bytes;
  }

  /** Bytes of the frame that the batch begins with. */
  #sizeOfFirst(): number {
    return frame.frameLength(this.#copy.words[LENGTH_WORD] as number);
  }

  /** Nothing more of the batch is read. */
  #drop(): void {
    this.#goTo(this.position);
  }

  /** The next frame is at that position, and no batch there. */
  #goTo(position: number): void {
    this.#base = position;
    this.#next = this.#end = this.#wholeEnd = 0;
  }

  /** Goes on in a batch whose beginning was overwritten while it was copied; undefined when nothing of it is left. */
  #keepRest(length: number): 'lapped' | 'corrupted' | undefined {
    const { position } = this;
    const { head, words } = this.#copy;
    const offset = head - position;
    if (offset > length || !this.#isPosition(head)) return undefined;
    this.#begin(offset, length);
    this.sequence = readLong(words, (this.#next >> 2) + SEQUENCE_WORD);
    return this.#lapped(position, 'head');
  }

  /**
   * Goes on behind what was overwritten: at the head, or where publishers keep moving that on, at the tail. Being lapped,
   * however often, is a gap and no corruption; numbers tell exactly what is missing.
   */
  #resumeAtHead(): ReadOutcome {
    this.#drop();
    const { position } = this;
    for (let tries = 0; tries < HEAD_TRIES; tries++) {
      const tail = this.loadTail();
      const head = Number(Atomics.load(this.#longs, HEAD));
      const isBetween = head > position && this.#fits(head, tail) && head <= this.loadTail();
      if (!this.#isPosition(head) || !isBetween) {
        return this.#corrupted(`the head is ${head}, the reader at ${position}`);
      }
      if (this.#resumeAt(head)) return this.#lapped(position, 'head');
    }
    const outcome = this.#readTail();
    if (outcome === 'done') return this.#lapped(position, 'tail');
    // Nothing was read: the next turn tries again.
    return outcome === 'overtaken' ? 'empty' : outcome;
  }

  #lapped(from: number, place: 'head' | 'tail'): 'lapped' | 'corrupted' {
    if (!isPlausible(this.sequence - this.expected, this.position - from)) {
      return this.#corrupted(
        `number ${this.sequence} stands at the ${place}, where ${this.expected} was due before`,
      );
    }
    this.#reassembly.dropAll();
    return 'lapped';
  }

  /** Goes on at a frame; the header of any frame says the number of the message that comes next. */
  #resumeAt(position: number): boolean {
    const before = this.position;
    this.#goTo(position);
    if (!this.#copy.copy(position, 0)) {
      this.#goTo(before);
      return false;
    }
    this.sequence = readLong(this.#copy.words, SEQUENCE_WORD);
    return true;
  }

  /** Whether everything from that position up to a tail can be in the ring; the tail was loaded before the head. */
  #fits(position: number, tail: number): boolean {
    return tail - position <= this.#capacity - frame.FRAME_ALIGNMENT;
  }

  #isPosition(position: number): boolean {
    return Number.isSafeInteger(position) && position >= 0 && frame.isAligned(position);
  }

  #corrupted(problem: string): 'corrupted' {
    this.#drop();
    this.problem = problem;
    // After this a caller continues at another position, where the parts collected so far do not belong.
    this.#reassembly.dropAll();
    return 'corrupted';
  }
}
