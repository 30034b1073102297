import type { Codec, WordBytes } from '@mmfbus/codec';
import { now } from '../clock.js';
import { STATE_RELIABLE } from '../layout/participant-layout.js';
import type { Member } from '../participants/member.js';
import { RingWriter } from '../ring/ring-writer.js';
import { atStep } from '../steps.js';
import type { Parcel } from './parcel.js';

/**
 * - `published`: every subscriber gets it.
 * - `full`: a reliable subscriber has not taken enough yet; nothing was published. `publishAsync` waits for that.
 * - `busy`: another publisher held the lock for as long as a synchronous call may wait; nothing was published.
 */
export type PublishOutcome = 'published' | 'full' | 'busy';

/** A codec that encodes in place. */
export type InPlaceCodec<T> = Required<Pick<Codec<T>, 'encodeInPlace'>>;

/** Whether a codec encodes in place. */
export function encodesInPlace<T>(codec: Codec<T>): codec is Codec<T> & InPlaceCodec<T> {
  return codec.encodeInPlace !== undefined;
}

/** Puts what is encoded into the ring, as one publisher. */
export class Outbox {
  readonly #member: Member;
  readonly #writer: RingWriter;
  readonly #disconnects: boolean;
  readonly #timestamps: boolean;
  /** Bytes that the last message took which was encoded in place: the next one may take as many. */
  #usual = 0;

  /**
   * @param disconnects says to give up those who are too slow, instead of reporting `full`.
   * @param timestamps says to give messages the time.
   */
  constructor(member: Member, disconnects: boolean, timestamps: boolean) {
    this.#member = member;
    this.#writer = new RingWriter(member.memory, member.table, member.slot, () =>
      // Whoever waits for room looks when the lock is free again, or its holder is dead.
      member.ringPublishers(),
    );
    this.#disconnects = disconnects;
    this.#timestamps = timestamps;
  }

  /** Publishes a parcel. One of several commits goes on where it stopped when this is called again. */
  append(parcel: Parcel): PublishOutcome {
    for (;;) {
      let outcome = this.#commit(parcel);
      if (outcome === 'full' && this.#member.buryDeadSubscribers()) outcome = this.#commit(parcel);
      if (outcome === 'full') this.#member.counters.countFull();
      if (outcome !== 'published' || !parcel.advance()) return outcome;
    }
  }

  /**
   * Publishes a value that is encoded right where it belongs in the ring.
   *
   * @returns whether it was; false when that takes another way, or has to be refused.
   */
  appendInPlace<T>(value: T, codec: InPlaceCodec<T>): boolean {
    const { lock } = this.#member;
    if (!lock.tryAcquire()) return false;
    try {
      this.#writer.begin();
      const length = this.#encodeInPlace(value, codec, this.#now());
      if (length < 0) return false;
      this.#show(1, length);
      return true;
    } finally {
      lock.release();
    }
  }

  /** Publishes a message of that many bytes, if it fits right behind the others: then it takes no parcel. */
  appendCopy(payload: WordBytes, length: number): boolean {
    const { lock } = this.#member;
    if (!lock.tryAcquire()) return false;
    try {
      const writer = this.#writer;
      writer.begin();
      if (length > writer.makeRoom(length)) return false;
      writer.copyInPlace(payload, length);
      writer.finishInPlace(length, this.#now());
      this.#show(1, length);
      return true;
    } finally {
      lock.release();
    }
  }

  /** Publishes several values as {@link Outbox.appendInPlace} does, with one commit, or none of them. */
  appendAllInPlace<T>(values: readonly T[], codec: InPlaceCodec<T>, mostBytes: number): boolean {
    const { lock } = this.#member;
    if (!lock.tryAcquire()) return false;
    try {
      this.#writer.begin();
      const timestamp = this.#now();
      let bytes = 0;
      for (const value of values) {
        const length = this.#encodeInPlace(value, codec, timestamp);
        if (length < 0) return false;
        bytes += length;
      }
      if (this.#writer.pending > mostBytes) return false;
      this.#show(values.length, bytes);
      return true;
    } finally {
      lock.release();
    }
  }

  /** Writes a message whose payload is encoded right there; its length, or -1 when that cannot be. */
  #encodeInPlace<T>(value: T, codec: InPlaceCodec<T>, timestamp: number): number {
    const writer = this.#writer;
    const room = writer.makeRoom(this.#usual);
    if (room < 0) return -1;
    const start = writer.startInPlace;
    const length = codec.encodeInPlace(value, writer.memory, start, start + room) - start;
    if (!(length >= 0 && length <= room && Number.isInteger(length))) return -1;
    writer.finishInPlace(length, timestamp);
    this.#usual = length;
    return length;
  }

  /** Commits what was written, and tells those who wait for it. */
  #show(messages: number, bytes: number): void {
    this.#writer.commit();
    this.#member.ringSubscribers();
    atStep?.('publish: rung');
    this.#member.counters.countFrames(messages, bytes);
  }

  #now(): number {
    return this.#timestamps ? now() : 0;
  }

  #commit(parcel: Parcel): PublishOutcome {
    const { lock } = this.#member;
    if (!lock.tryAcquire() && !lock.spin()) return 'busy';
    try {
      const writer = this.#writer;
      writer.begin();
      if (!this.#reserve(parcel.endIn(writer))) return 'full';
      parcel.write(writer, this.#now());
      this.#show(parcel.messages, parcel.bytes);
      return 'published';
    } finally {
      lock.release();
    }
  }

  #reserve(end: number): boolean {
    const writer = this.#writer;
    if (writer.reserve(end)) return true;
    return this.#disconnects && writer.disconnectSlow(end) && writer.reserve(end);
  }

  /** Whether every reliable subscriber has taken what this publisher published last, and so all that was before. */
  isTaken(): boolean {
    return this.#lags().every(({ cursor }) => cursor >= this.#writer.tail);
  }

  /** What keeps this publisher from publishing, for people. */
  describeObstacle(): string {
    if (this.#member.lock.isHeld()) return 'another publisher holds the lock';
    const [slowest] = this.#lags().sort((a, b) => a.cursor - b.cursor);
    if (slowest === undefined) return 'others were before it';
    const lag = this.#writer.tail - slowest.cursor;
    const { ringCapacity } = this.#member.memory.geometry;
    return `the reliable subscriber in slot ${slowest.slot} is ${lag} bytes behind, the ring has ${ringCapacity}`;
  }

  #lags(): { readonly slot: number; readonly cursor: number }[] {
    const { table } = this.#member;
    const slots = Array.from({ length: table.used() }, (_, slot) => slot);
    return slots
      .filter((slot) => table.stateOf(slot) === STATE_RELIABLE)
      .map((slot) => ({ slot, cursor: table.cursorOf(slot) }));
  }
}
