import { encodeInPlace, type InPlaceCodec, type InPlaceTarget } from '@mmfbus/codec/internal';
import type { SharedBytes, SharedStores } from '@mmfbus/core/internal';
import { maxWholeOf } from '../format/geometry.js';
import type { ChannelMemory } from '../membership/channel-memory.js';
import type { PublisherLock } from '../membership/publisher-lock.js';
import type { RingWriter } from '../ring/ring-writer.js';

/**
 * Why a value was not encoded in place: there was no room for it, the lock was not available, or it has to be encoded
 * elsewhere, which may refuse it.
 */
export type Refusal = 'full' | 'busy' | 'unsuited';

/** What a frame in place needs of its publisher. */
export interface FrameParts {
  readonly memory: ChannelMemory;
  readonly lock: PublisherLock;
  readonly writer: RingWriter;
  /** The time of the message. */
  now(): number;
}

/**
 * The next frame of the ring, as a codec sees it that encodes right there. The lock is taken when the codec begins to
 * write: what the codec did before that may have run code of the program.
 */
export class FrameInPlace implements InPlaceTarget {
  readonly bytes: SharedBytes;
  readonly data: SharedStores;
  offset = 0;
  limit = 0;
  /** Bytes of the message that was written. */
  length = 0;
  /** Why none was written. */
  refusal: Refusal = 'unsuited';
  readonly #parts: FrameParts;
  readonly #maxWhole: number;
  #timestamp = 0;
  /** Whether the lock may be taken. */
  accepts = true;
  #begun = false;

  constructor(parts: FrameParts) {
    this.#parts = parts;
    this.bytes = parts.memory.ring;
    this.data = parts.memory.ringStores;
    this.#maxWhole = maxWholeOf(parts.memory.geometry);
  }

  begin(length: number): boolean {
    // Whatever the codec ran so far may have closed the publisher.
    if (!this.accepts || this.#begun || length > this.#maxWhole) return false;
    const { lock, writer } = this.#parts;
    if (!lock.tryAcquire() && !lock.spin()) return this.#refuse('busy');
    this.#begun = true;
    writer.begin();
    if (!writer.reserve(writer.sizeOf(length))) return this.#refuse('full');
    this.#timestamp = this.#parts.now();
    this.offset = writer.openInPlace(length, this.#timestamp);
    this.limit = this.offset + length;
    return true;
  }

  /**
   * Writes a message, which is to be committed then; {@link FrameInPlace.end} must follow in any case.
   *
   * @returns false when it was not written; `refusal` says why.
   */
  encode<T>(value: T, codec: InPlaceCodec<T>): boolean {
    this.refusal = 'unsuited';
    const end = codec[encodeInPlace](value, this);
    if (end < 0) return false;
    this.length = end - this.offset;
    this.#parts.writer.finishInPlace(this.length, this.#timestamp);
    return true;
  }

  /** Releases the lock, if it was taken. */
  end(): void {
    if (!this.#begun) return;
    this.#begun = false;
    this.#parts.lock.release();
  }

  #refuse(refusal: Refusal): false {
    this.refusal = refusal;
    return false;
  }
}
