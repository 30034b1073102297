import { encodeInPlace, type InPlaceCodec, type InPlaceTarget } from '@mmfbus/codec/internal';
import type { SharedBytes } from '@mmfbus/core';
import type { Member } from '../participants/member.js';
import type { RingWriter } from '../ring/ring-writer.js';

/**
 * The next frame of the ring, as a codec sees it that encodes right there. The lock is taken when the codec begins to
 * write: what it did before that, it may have run anybody's code.
 */
export class InPlaceFrame implements InPlaceTarget {
  readonly bytes: SharedBytes;
  offset = 0;
  limit = 0;
  /** Bytes of the message that was written. */
  length = 0;
  readonly #member: Member;
  readonly #writer: RingWriter;
  readonly #now: () => number;
  #timestamp = 0;
  #begun = false;
  #closed = false;

  constructor(member: Member, writer: RingWriter, now: () => number) {
    this.bytes = member.memory.ring;
    this.#member = member;
    this.#writer = writer;
    this.#now = now;
  }

  begin(length: number): boolean {
    // Whatever the codec ran so far may have closed the publisher.
    if (this.#closed || this.#begun || !this.#member.lock.tryAcquire()) return false;
    this.#begun = true;
    this.#writer.begin();
    this.#timestamp = this.#now();
    if (!this.#writer.openInPlace(length, this.#timestamp)) return false;
    this.offset = this.#writer.startInPlace;
    this.limit = this.offset + length;
    return true;
  }

  /**
   * Writes a message, which is to be committed then; {@link InPlaceFrame.end} must follow in any case.
   *
   * @returns false when it does not fit there, or has no encoding.
   */
  encode<T>(value: T, codec: InPlaceCodec<T>): boolean {
    const end = codec[encodeInPlace](value, this);
    if (end < 0) return false;
    this.length = end - this.offset;
    this.#writer.finishInPlace(this.length, this.#timestamp);
    return true;
  }

  /** Releases the lock, if it was taken. */
  end(): void {
    if (!this.#begun) return;
    this.#begun = false;
    this.#member.lock.release();
  }

  /** From here on the lock is not taken. */
  close(): void {
    this.#closed = true;
  }
}
