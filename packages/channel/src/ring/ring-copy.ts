import { allocateWordBytes, type WordBytes } from '@mmfbus/codec/internal';
import { copyInto, type OwnBytes, type SharedBytes } from '@mmfbus/core/internal';
import * as frame from '../format/frame-layout.js';
import { HEAD_OFFSET } from '../format/header-layout.js';
import { loadGrowing } from '../format/words.js';
import { atStep } from '../foundation/steps.js';
import type { ChannelMemory } from '../membership/channel-memory.js';

const HEAD = HEAD_OFFSET >> 3;

/** Most bytes of a copy. */
const LONGEST_COPY = 64 * 1024;
/** Up to so many bytes are copied by words. */
const WORD_COPY_LIMIT = 256;

/**
 * A private copy of a part of a ring, and of the header that follows it there: no other process can change it. Whether publishers
 * have overwritten that part meanwhile is found out behind the copying.
 */
export class RingCopy {
  /** The copy, from offset 0 on. */
  readonly bytes: WordBytes;
  readonly words: WordBytes['words'];
  /** Most bytes of a copy. */
  readonly longest: number;
  /** The head when it was last compared with what was copied. */
  head = 0;
  #words!: Int32Array<ArrayBuffer>;
  #longs!: BigInt64Array<ArrayBuffer>;
  #ring!: SharedBytes;
  #ringWords!: Int32Array<ArrayBuffer>;
  readonly #capacity: number;
  readonly #fence = new Int32Array(1);

  constructor(memory: ChannelMemory) {
    this.#capacity = memory.geometry.ringCapacity;
    this.longest = Math.min(LONGEST_COPY, this.#capacity);
    this.bytes = allocateWordBytes(this.longest + frame.FRAME_ALIGNMENT);
    this.words = this.bytes.words;
    this.attach(memory);
  }

  /** Goes on in the same ring, which is mapped elsewhere now. */
  attach({ words, longs, ring, ringWords }: ChannelMemory): void {
    this.#words = words;
    this.#longs = longs;
    this.#ring = ring;
    this.#ringWords = ringWords;
  }

  /** Copies what begins at that position; false when it was overwritten meanwhile. It ends at the ring's end, or before. */
  copy(position: number, length: number): boolean {
    const offset = position & (this.#capacity - 1);
    if (offset + length === this.#capacity) {
      this.#copyTo(0, offset, length);
      this.#copyTo(length, 0, frame.FRAME_ALIGNMENT);
    } else {
      this.#copyTo(0, offset, length + frame.FRAME_ALIGNMENT);
    }
    atStep?.('read: copied');
    return !this.#isOverwritten(position);
  }

  /**
   * Copies bytes `[begin, end)` of the frame at that position to other memory, and to the beginning of this copy the header that
   * follows the frame; false when they were overwritten meanwhile.
   */
  copyFrame(
    position: number,
    size: number,
    { begin, end, target, at }: { begin: number; end: number; target: OwnBytes | undefined; at: number },
  ): boolean {
    const offset = position & (this.#capacity - 1);
    if (target !== undefined) copyInto(this.#ring, offset + begin, offset + end, target, at);
    this.#copyTo(0, (position + size) & (this.#capacity - 1), frame.FRAME_ALIGNMENT);
    atStep?.('read: copied');
    return !this.#isOverwritten(position);
  }

  /** Whether publishers may have overwritten what begins at that position, and was read before this call. */
  #isOverwritten(position: number): boolean {
    // SYNC: overwrite announced. The read-modify-write keeps the reading before the load of the head; publishers move
    // the head before they overwrite.
    Atomics.add(this.#fence, 0, 1);
    this.head = loadGrowing(this.#words, this.#longs, HEAD, this.head);
    return this.head > position;
  }

  #copyTo(target: number, offset: number, length: number): void {
    if (length > WORD_COPY_LIMIT) {
      copyInto(this.#ring, offset, offset + length, this.bytes, target);
      return;
    }
    const { words } = this;
    const ring = this.#ringWords;
    const end = (offset + length) >> 2;
    // Lengths are multiples of what frames are aligned to, which is eight words.
    for (let from = offset >> 2, to = target >> 2; from < end; from += 4, to += 4) {
      words[to] = ring[from] as number;
      words[to + 1] = ring[from + 1] as number;
      words[to + 2] = ring[from + 2] as number;
      words[to + 3] = ring[from + 3] as number;
    }
  }
}
