import type { InPlaceCodec } from '@mmfbus/codec/internal';
import { now } from '../clock.js';
import { STATE_RELIABLE } from '../layout/participant-layout.js';
import type { Member } from '../participants/member.js';
import { RingWriter } from '../ring/ring-writer.js';
import { atStep } from '../steps.js';
import { InPlaceFrame } from './in-place-frame.js';
import type { Parcel } from './parcel.js';

/**
 * - `published`: every subscriber gets it.
 * - `full`: a reliable subscriber has not taken enough yet; nothing was published. `publishAsync` waits for that.
 * - `busy`: another publisher held the lock for as long as a synchronous call may wait; nothing was published.
 */
export type PublishOutcome = 'published' | 'full' | 'busy';

/** Puts what is encoded into the ring, as one publisher. */
export class Outbox {
  readonly #member: Member;
  readonly #writer: RingWriter;
  readonly #disconnects: boolean;
  readonly #timestamps: boolean;
  readonly #inPlace: InPlaceFrame;

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
    this.#inPlace = new InPlaceFrame(member, this.#writer, () => this.#now());
  }

  /** From here on nothing is published, and the memory of the channel not touched. */
  close(): void {
    this.#inPlace.close();
  }

  /** Publishes a parcel. One of several commits goes on where it stopped when this is called again. */
  append(parcel: Parcel): PublishOutcome {
    for (;;) {
      let outcome = this.#commit(parcel);
      if (outcome === 'full' && this.#member.buryDeadSubscribers()) outcome = this.#commit(parcel);
      if (outcome === 'full') this.#member.counters.countFull();
      if (outcome === 'busy') this.#member.counters.countBusy();
      if (outcome !== 'published' || !parcel.advance()) return outcome;
    }
  }

  /**
   * Publishes a value that is encoded right where it belongs in the ring.
   *
   * @returns whether it was; false when that takes another way, or has to be refused.
   */
  appendInPlace<T>(value: T, codec: InPlaceCodec<T>): boolean {
    const place = this.#inPlace;
    try {
      if (!place.encode(value, codec)) return false;
      this.#show(1, place.length);
      return true;
    } finally {
      place.end();
    }
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
