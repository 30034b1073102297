import type { InPlaceCodec } from '@mmfbus/codec/internal';
import { STATE_RELIABLE } from '../format/participant-layout.js';
import { monotonicNow } from '../foundation/clock.js';
import { atStep } from '../foundation/steps.js';
import type { Participant } from '../membership/participant.js';
import { ReliableCursors } from '../membership/reliable-cursors.js';
import { RingWriter } from '../ring/ring-writer.js';
import type { Append } from './append.js';
import { FrameInPlace } from './frame-in-place.js';

/**
 * - `published`: every subscriber gets it.
 * - `full`: a reliable subscriber has not taken enough yet, or calls that wait were here before; nothing was published.
 * - `busy`: another publisher held the lock for as long as a call that does not wait may try; nothing was published.
 */
export type PublishOutcome = 'published' | 'full' | 'busy';

/** The same of an append; `refused`: it is not allowed, and what was written of it will not be completed. */
export type AppendOutcome = PublishOutcome | 'refused';

/** What an appender does beside writing. */
export interface AppenderOptions {
  /** Whether to give up reliable subscribers that are too slow, instead of reporting `full`. */
  readonly disconnects: boolean;
  /** Whether to give messages the time. */
  readonly timestamps: boolean;
}

/** Reliable subscribers, by slot and generation, that are to take everything up to a position. */
export interface FlushGoal {
  readonly position: number;
  readonly subscribers: readonly { readonly slot: number; readonly generation: number }[];
}

/** Puts what is encoded into the ring, as one publisher: the publisher lock is taken once for each commit. */
export class Appender {
  readonly #participant: Participant;
  readonly #writer: RingWriter;
  readonly #options: AppenderOptions;
  readonly #place: FrameInPlace;

  constructor(participant: Participant, options: AppenderOptions) {
    this.#participant = participant;
    // Publishers that wait for room look again when the lock is free, or its holder is dead.
    const cursors = new ReliableCursors(participant.table, {
      before: () => participant.ringForRoom(),
      after: () => participant.roles.tellOfLeaving(false),
    });
    this.#writer = new RingWriter(participant.memory, participant.slot, cursors);
    this.#options = options;
    this.#place = new FrameInPlace({
      memory: participant.memory,
      lock: participant.lock,
      writer: this.#writer,
      now: () => this.#now(),
    });
  }

  /** Number of the last message that was appended; 0 before the first. */
  get sequence(): number {
    return this.#writer.sequence;
  }

  /** Whether values may be appended in place: encoding them may have ended that. */
  set acceptsInPlace(accepts: boolean) {
    this.#place.accepts = accepts;
  }

  /** Appends it. What takes several commits goes on where it stopped when this is called again. */
  tryAppend(append: Append): AppendOutcome {
    let outcome: AppendOutcome;
    do {
      outcome = this.#commit(append);
      if (outcome === 'full' && this.#reclaims()) outcome = this.#commit(append);
    } while (outcome === 'published' && append.advance());
    return this.#counted(outcome);
  }

  /** Appends a value that is encoded right where it belongs in the ring; `unsuited` where that takes another way. */
  tryAppendInPlace<T>(value: T, codec: InPlaceCodec<T>): PublishOutcome | 'unsuited' {
    let outcome = this.#commitInPlace(value, codec);
    if (outcome === 'published') return outcome;
    if (outcome === 'full' && this.#reclaims()) outcome = this.#commitInPlace(value, codec);
    return this.#counted(outcome);
  }

  #commit(append: Append): AppendOutcome {
    const { lock } = this.#participant;
    if (!lock.tryAcquire() && !lock.spin()) return 'busy';
    try {
      if (append.isAllowed?.() === false) return 'refused';
      const writer = this.#writer;
      writer.begin();
      if (!this.#reserve(append.sizeIn(writer))) return 'full';
      append.write(writer, this.#now());
      this.#show(append.messages, append.bytes);
      return 'published';
    } finally {
      lock.release();
    }
  }

  #commitInPlace<T>(value: T, codec: InPlaceCodec<T>): PublishOutcome | 'unsuited' {
    const place = this.#place;
    try {
      if (!place.encode(value, codec)) {
        // Room was asked for the most that the value may take; subscribers are disconnected for its exact length only.
        return place.refusal === 'full' && this.#options.disconnects ? 'unsuited' : place.refusal;
      }
      this.#show(1, place.length);
      return 'published';
    } finally {
      place.end();
    }
  }

  /** Commits what was written, and tells the participants that wait for it. */
  #show(messages: number, bytes: number): void {
    this.#writer.commit();
    this.#participant.ringForFrames();
    atStep?.('publish: rung');
    this.#participant.counters.countMessages(messages, bytes);
  }

  #reserve(size: number): boolean {
    const writer = this.#writer;
    if (writer.reserve(size)) return true;
    return this.#options.disconnects && writer.disconnectSlow(size) && writer.reserve(size);
  }

  /** Whether there is more room by now, because subscribers were dead. */
  #reclaims(): boolean {
    return this.#participant.reaper.reclaimDeadSubscribers();
  }

  #counted<O extends AppendOutcome | 'unsuited'>(outcome: O): O {
    if (outcome === 'full') this.#participant.counters.countFull();
    else if (outcome === 'busy') this.#participant.counters.countBusy();
    return outcome;
  }

  #now(): number {
    return this.#options.timestamps ? monotonicNow() : 0;
  }

  /** What the reliable subscribers that are there now have to take of what was appended so far. */
  flushGoal(): FlushGoal {
    const { table } = this.#participant;
    const subscribers = this.#reliableSlots().map((slot) => ({ slot, generation: table.generationOf(slot) }));
    return { position: this.#writer.tail, subscribers };
  }

  /** Whether they have; who has left, died or was disconnected has nothing to take any more. */
  isReached({ position, subscribers }: FlushGoal): boolean {
    const { table } = this.#participant;
    return subscribers.every(
      ({ slot, generation }) =>
        table.stateOf(slot) !== STATE_RELIABLE ||
        table.generationOf(slot) !== generation ||
        table.cursorOf(slot) >= position,
    );
  }

  /** What keeps this publisher from publishing, for people. */
  describeObstacle(): string {
    const { table, lock, memory } = this.#participant;
    if (lock.isHeld()) return 'another publisher holds the lock';
    const lags = this.#reliableSlots().map((slot) => ({ slot, cursor: table.cursorOf(slot) }));
    const [slowest] = lags.sort((a, b) => a.cursor - b.cursor);
    if (slowest === undefined) return 'others were before it';
    const lag = this.#writer.tail - slowest.cursor;
    const { ringCapacity } = memory.geometry;
    return `the reliable subscriber in slot ${slowest.slot} is ${lag} bytes behind, the ring has ${ringCapacity}`;
  }

  #reliableSlots(): number[] {
    const { table } = this.#participant;
    const slots = Array.from({ length: table.used() }, (_, slot) => slot);
    return slots.filter((slot) => table.stateOf(slot) === STATE_RELIABLE);
  }
}
