import type { Codec } from '@mmfbus/codec';
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

  /** @param disconnects says to give up those who are too slow, instead of reporting `full`. */
  constructor(member: Member, disconnects: boolean) {
    this.#member = member;
    this.#writer = new RingWriter(member.memory, member.table, member.slot, () =>
      // Whoever waits for room looks when the lock is free again, or its holder is dead.
      member.ringPublishers(),
    );
    this.#disconnects = disconnects;
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
    const { lock, counters } = this.#member;
    if (!lock.tryAcquire()) return false;
    try {
      const writer = this.#writer;
      writer.begin();
      const room = writer.roomInPlace();
      if (room < 0) return false;
      const start = writer.startInPlace;
      const length = codec.encodeInPlace(value, writer.memory, start, start + room) - start;
      if (!(length >= 0 && length <= room && Number.isInteger(length))) return false;
      writer.finishMessage(length, now());
      writer.commit();
      this.#member.ringSubscribers();
      atStep?.('publish: rung');
      counters.countFrames(1, length);
      return true;
    } finally {
      lock.release();
    }
  }

  #commit(parcel: Parcel): PublishOutcome {
    const { lock, counters } = this.#member;
    if (!lock.tryAcquire() && !lock.spin()) return 'busy';
    try {
      const writer = this.#writer;
      writer.begin();
      if (!this.#reserve(parcel.endIn(writer))) return 'full';
      parcel.write(writer, now());
      writer.commit();
      this.#member.ringSubscribers();
      atStep?.('publish: rung');
      counters.countFrames(parcel.messages, parcel.bytes);
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
