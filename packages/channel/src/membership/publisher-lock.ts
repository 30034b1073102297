import { probeLife, timers, yieldThread } from '@mmfbus/core/internal';
import { PUBLISHER_LOCK_OFFSET } from '../format/header-layout.js';
import { SLOT_BITS } from '../format/participant-layout.js';
import { storeBehind } from '../format/words.js';
import { diagnostics, tellSoon } from '../foundation/diagnostics.js';
import { atStep } from '../foundation/steps.js';
import type { ChannelMemory } from './channel-memory.js';
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

/** Tries before a synchronous call lets others run: some microseconds, many times what one frame takes. */
const SPIN_TRIES = 200;
/** How often it does so: the system may have taken the processor away from the holder, for some milliseconds. */
const SPIN_ROUNDS = 64;
const TURNS_BEFORE_SLEEPING = 20;
const LONGEST_SLEEP_MS = 16;

/** The lock that publishers hold while they write, as one participant sees it. */
export class PublisherLock {
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #table: ParticipantTable;
  readonly #channel: string;
  readonly #own: number;
  readonly #onTakenOver: (slot: number) => void;
  readonly #afterwards: (() => void)[] = [];
  #held = false;

  /** @param onTakenOver is told of the slot whose lock was taken over, if there is such a slot, with the lock held. */
  constructor(
    memory: ChannelMemory,
    table: ParticipantTable,
    slot: number,
    onTakenOver: (slot: number) => void,
  ) {
    this.#words = memory.words;
    this.#table = table;
    this.#channel = memory.name;
    this.#onTakenOver = onTakenOver;
    this.#own = (table.generationOf(slot) << SLOT_BITS) | slot;
  }

  /** Whether it is held; may be stale on arrival. */
  isHeld(): boolean {
    return Atomics.load(this.#words, LOCK) !== 0;
  }

  tryAcquire(): boolean {
    // INVARIANT: one writer at a time. Only who stored its own word writes to the ring, the head and the tail.
    const word = Atomics.compareExchange(this.#words, LOCK, 0, this.#own);
    if (word !== 0 && !this.#isNonsense(word)) return false;
    this.#held = true;
    atStep?.('lock: taken');
    return true;
  }

  /** A word that names its own slot while it holds nothing, and that no other participant can take away: it lives. */
  #isNonsense(word: number): boolean {
    return word === this.#own && !this.#held;
  }

  /** Takes it within a bounded number of tries, from a dead holder too; false when a living one keeps it. */
  spin(): boolean {
    for (let round = 0; round < SPIN_ROUNDS; round++) {
      for (let tries = 0; tries < SPIN_TRIES; tries++) if (this.tryAcquire()) return true;
      if (this.takeOver()) return true;
      yieldThread();
    }
    return false;
  }

  /** Takes it without blocking the event loop, for as long as a living holder keeps it; any of the signals ends that. */
  async acquire(signals: readonly AbortSignal[] = []): Promise<void> {
    let pause = 1;
    for (let turns = 0; ; turns++) {
      for (const signal of signals) signal.throwIfAborted();
      if (this.tryAcquire()) return;
      if (turns < TURNS_BEFORE_SLEEPING) {
        await timers.nextTurn();
        continue;
      }
      if (this.takeOver()) return;
      await pauseUnlessAborted(pause, signals);
      pause = Math.min(2 * pause, LONGEST_SLEEP_MS);
    }
  }

  /** Takes it when it is free, or its holder is proved dead. */
  takeOver(): boolean {
    if (this.tryAcquire()) return true;
    const word = Atomics.load(this.#words, LOCK);
    const slot = word & SLOT_MASK;
    if (word === 0 || this.#held || !this.#isHolderDead(slot, word >>> SLOT_BITS)) return false;
    // INVARIANT: never taken from a living holder. Exactly this word was proved dead; any other is of another holder.
    if (Atomics.compareExchange(this.#words, LOCK, word, this.#own) !== word) return false;
    this.#held = true;
    atStep?.('lock: taken over');
    const recovered = { channel: this.#channel, what: 'lock', slot } as const;
    this.afterRelease(() => tellSoon(diagnostics.recovered, recovered));
    // A word that names a slot which there is not has no owner to be reclaimed from.
    if (slot < this.#table.count) this.#onTakenOver(slot);
    return true;
  }

  release(): void {
    this.#held = false;
    // A word that others have changed is not this participant's to clear. No other takes away its own: it lives.
    if (this.#words[LOCK] === this.#own) storeBehind(this.#words, LOCK, 0);
    atStep?.('lock: released');
    if (this.#afterwards.length > 0) for (const action of this.#afterwards.splice(0)) action();
  }

  /** Has something done as soon as the lock, which is held now, is released: what others need not wait for. */
  afterRelease(action: () => void): void {
    this.#afterwards.push(action);
  }

  #isHolderDead(slot: number, generation: number): boolean {
    // A slot that there is not has no owner either.
    const address = slot < this.#table.count ? this.#table.addressOf(slot) : undefined;
    return (
      address === undefined || this.#table.generationOf(slot) !== generation || probeLife(address) === 'dead'
    );
  }
}

/** Settles after so many milliseconds, or as soon as one of the signals aborts. */
async function pauseUnlessAborted(milliseconds: number, signals: readonly AbortSignal[]): Promise<void> {
  const interruption = new AbortController();
  const interrupt = () => interruption.abort();
  for (const signal of signals) signal.addEventListener('abort', interrupt, { once: true });
  try {
    await timers.sleep(milliseconds, { signal: interruption.signal });
  } catch {
    // One of them did: the caller looks at them.
  } finally {
    for (const signal of signals) signal.removeEventListener('abort', interrupt);
  }
}
