import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { probeLife } from '@mmfbus/core';
import type { ChannelMemory } from '../channel-memory.js';
import { ChannelError } from '../errors.js';
import { PUBLISHER_LOCK_OFFSET } from '../layout/header-layout.js';
import { SLOT_BITS } from '../layout/participant-layout.js';
import type { ParticipantTable } from './participant-table.js';

/*
 * The lock word, in the notation of the format (G: generation of the holder's slot, S: the slot):
 *
 *   bit  31                    10 9                   0
 *        G G G ... G G G G G G G  S S S S S S S S S S
 *
 *   0x00000000  free; a generation is never 0
 *   0x00000c05  held by slot 5 in its generation 3
 *
 * It is held for one frame or batch and never expires. It is taken over on proof of its holder's death only, by
 * compare-exchange from exactly the word that was proved dead: a slot is claimed again only after its owner left, or on
 * proof of its death, so a generation that is not the slot's any more is such a proof as well.
 */
const LOCK = PUBLISHER_LOCK_OFFSET >> 2;
const SLOT_MASK: number = 2 ** SLOT_BITS - 1;

/** Tries before a synchronous call gives up: some microseconds, many times what one frame takes. */
const SPIN_TRIES = 1000;
const TURNS_BEFORE_SLEEPING = 20;
const LONGEST_SLEEP_MS = 16;

/** The lock that publishers hold while they write, as one participant sees it. */
export class PublisherLock {
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #table: ParticipantTable;
  readonly #channel: string;
  readonly #own: number;

  constructor(memory: ChannelMemory, table: ParticipantTable, slot: number) {
    this.#words = memory.words;
    this.#table = table;
    this.#channel = memory.name;
    this.#own = (table.generationOf(slot) << SLOT_BITS) | slot;
  }

  /** Whether anybody holds it; may be stale on arrival. */
  isHeld(): boolean {
    return Atomics.load(this.#words, LOCK) !== 0;
  }

  tryAcquire(): boolean {
    // INVARIANT: one writer at a time. Only who stored its own word writes to the ring, the head and the tail.
    return Atomics.compareExchange(this.#words, LOCK, 0, this.#own) === 0;
  }

  /** Takes it within a bounded number of tries, from a dead holder too; false when a living one keeps it. */
  spin(): boolean {
    for (let tries = 0; tries < SPIN_TRIES; tries++) if (this.tryAcquire()) return true;
    return this.takeOver();
  }

  /** Takes it without blocking the event loop, for as long as a living holder keeps it; any of the signals ends that. */
  async acquire(signals: readonly AbortSignal[] = []): Promise<void> {
    let pause = 1;
    for (let turns = 0; ; turns++) {
      for (const signal of signals) signal.throwIfAborted();
      if (this.tryAcquire()) return;
      if (turns < TURNS_BEFORE_SLEEPING) {
        await nextTurn();
        continue;
      }
      if (this.takeOver()) return;
      await sleep(pause);
      pause = Math.min(2 * pause, LONGEST_SLEEP_MS);
    }
  }

  /** Takes it when it is free, or its holder is proved dead. */
  takeOver(): boolean {
    const word = Atomics.load(this.#words, LOCK);
    if (word === 0) return this.tryAcquire();
    const slot = word & SLOT_MASK;
    if (slot >= this.#table.count) {
      throw new ChannelError(
        'CORRUPTED',
        this.#channel,
        `the publisher lock names slot ${slot}, the channel has ${this.#table.count}`,
      );
    }
    const address = this.#table.addressOf(slot);
    // INVARIANT: never taken from the living. Exactly this word was proved dead; any other is of another holder.
    const dead =
      address === undefined ||
      this.#table.generationOf(slot) !== word >>> SLOT_BITS ||
      probeLife(address) === 'dead';
    return dead && Atomics.compareExchange(this.#words, LOCK, word, this.#own) === word;
  }

  release(): void {
    Atomics.compareExchange(this.#words, LOCK, this.#own, 0);
  }
}
