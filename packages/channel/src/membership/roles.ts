import {
  CLOSED_BY_DEATH,
  CLOSED_BY_LEAVING,
  CLOSED_EPOCH_OFFSET,
  CLOSED_REASON_OFFSET,
  EPOCH_OFFSET,
} from '../format/header-layout.js';
import {
  ENDED_BY_DEATH,
  ENDED_BY_LEAVING,
  STATE_LOSSY,
  STATE_NONE,
  STATE_PUBLISHER,
  STATE_RELIABLE,
} from '../format/participant-layout.js';
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

  /** Changes when a participant joins, leaves, dies or is disconnected. */
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
    this.#doorbells.ringForMembers(state === STATE_PUBLISHER);
  }

  /** The owner of the slot gives up its role, if it has one. A publisher does so with the lock held. */
  leave(slot: number): void {
    this.#end(slot, this.#table.generationOf(slot), ENDED_BY_LEAVING);
  }

  /**
   * Takes the role of a dead owner out of the slot.
   *
   * @param generation of the slot when that was its owner.
   * @returns whether it had one.
   */
  inherit(slot: number, generation: number): boolean {
    this.#table.endSleep(slot);
    return this.#end(slot, generation, ENDED_BY_DEATH);
  }

  /** Says that a publisher has changed what stands in its slot. With the lock held. */
  tellOfChange(): void {
    Atomics.add(this.#words, EPOCH, 1);
    this.#doorbells.ringForMembers(true);
  }

  /** Says that a publisher has its role no more, or any other participant. */
  tellOfLeaving(wasPublisher = true): void {
    Atomics.add(this.#words, EPOCH, 1);
    atStep?.('leave: epoch raised');
    // Also where nothing was closed: the dead may have published something and not rung for it.
    this.#doorbells.ringForMembers(wasPublisher);
  }

  /** The role goes after the word that it was the last publisher: who dies in between is reclaimed as a publisher. */
  #end(slot: number, generation: number, how: number): boolean {
    const state = this.#table.stateOf(slot);
    if (state === STATE_NONE) return false;
    if (state === STATE_PUBLISHER && !this.hasPublisher(slot)) {
      Atomics.store(this.#words, CLOSED_REASON, how === ENDED_BY_DEATH ? CLOSED_BY_DEATH : CLOSED_BY_LEAVING);
      atStep?.('leave: reason stored');
      Atomics.add(this.#words, CLOSED_EPOCH, 1);
      atStep?.('leave: closed');
    }
    this.#table.storeLastEnd(slot, generation, how);
    atStep?.('leave: end stored');
    this.#table.storeState(slot, STATE_NONE);
    atStep?.('leave: state stored');
    this.tellOfLeaving(state === STATE_PUBLISHER);
    return true;
  }
}
