import {
  CLOSED_BY_DEATH,
  CLOSED_BY_LEAVING,
  CLOSED_EPOCH_OFFSET,
  CLOSED_REASON_OFFSET,
  EPOCH_OFFSET,
} from '../format/header-layout.js';
import { STATE_LOSSY, STATE_NONE, STATE_PUBLISHER, STATE_RELIABLE } from '../format/participant-layout.js';
import { atStep } from '../foundation/steps.js';
import type { ChannelMemory } from './channel-memory.js';
import type { Doorbells } from './doorbells.js';
import type { ParticipantTable } from './participant-table.js';

const EPOCH = EPOCH_OFFSET >> 2;
const CLOSED_EPOCH = CLOSED_EPOCH_OFFSET >> 2;
const CLOSED_REASON = CLOSED_REASON_OFFSET >> 2;

/** Who is what in a channel, and the words that tell others of a change. What changes them needs the publisher lock. */
export class Roles {
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #table: ParticipantTable;
  readonly #doorbells: Doorbells;

  constructor(memory: ChannelMemory, table: ParticipantTable, doorbells: Doorbells) {
    this.#words = memory.words;
    this.#table = table;
    this.#doorbells = doorbells;
  }

  /** Changes when a publisher or a reliable subscriber joins, and when a publisher leaves or dies. */
  epoch(): number {
    return Atomics.load(this.#words, EPOCH);
  }

  /** Changes when the last publisher leaves or dies. */
  closedEpoch(): number {
    return Atomics.load(this.#words, CLOSED_EPOCH);
  }

  /** Why it did. */
  closedReason(): 'left' | 'died' {
    return Atomics.load(this.#words, CLOSED_REASON) === CLOSED_BY_DEATH ? 'died' : 'left';
  }

  /** Whether the channel has a publisher, beside the owner of that slot. Stale on arrival, without the lock. */
  hasPublisher(beside = -1): boolean {
    const used = this.#table.used();
    for (let slot = 0; slot < used; slot++) {
      if (slot !== beside && this.#table.stateOf(slot) === STATE_PUBLISHER) return true;
    }
    return false;
  }

  /** How many subscribers there are that are not disconnected. Stale on arrival. */
  subscriberCount(): number {
    const used = this.#table.used();
    let count = 0;
    for (let slot = 0; slot < used; slot++) {
      const state = this.#table.stateOf(slot);
      if (state === STATE_RELIABLE || state === STATE_LOSSY) count++;
    }
    return count;
  }

  /** The owner of the slot takes a role. */
  take(slot: number, state: number): void {
    this.#table.storeState(slot, state);
    atStep?.('join: state stored');
    Atomics.add(this.#words, EPOCH, 1);
    atStep?.('join: epoch raised');
    this.#doorbells.ringSubscribers();
  }

  /** A publisher gives up its role. */
  retire(slot: number): void {
    this.#table.wakeUp(slot);
    this.#endPublisher(slot, CLOSED_BY_LEAVING);
  }

  /** Takes the role of a dead owner out of the slot. */
  inherit(slot: number): void {
    this.#table.wakeUp(slot);
    if (this.#table.stateOf(slot) === STATE_PUBLISHER) this.#endPublisher(slot, CLOSED_BY_DEATH);
    else this.#table.storeState(slot, STATE_NONE);
  }

  /** Says that a participant left. */
  tellOfLeaving(): void {
    Atomics.add(this.#words, EPOCH, 1);
    atStep?.('leave: epoch raised');
    // Also where nothing was closed: the dead may have published something and not rung for it.
    this.#doorbells.ringSubscribers();
  }

  /** The role goes after the word that it was the last one: who dies in between is reclaimed as a publisher. */
  #endPublisher(slot: number, reason: number): void {
    if (!this.hasPublisher(slot)) {
      Atomics.store(this.#words, CLOSED_REASON, reason);
      atStep?.('leave: reason stored');
      Atomics.add(this.#words, CLOSED_EPOCH, 1);
      atStep?.('leave: closed');
    }
    this.#table.storeState(slot, STATE_NONE);
    atStep?.('leave: state stored');
    this.tellOfLeaving();
  }
}
