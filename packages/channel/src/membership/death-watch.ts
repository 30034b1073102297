import { type LifeWatch, type PortAddress, watchLife } from '@mmfbus/core/internal';
import type { ParticipantTable } from './participant-table.js';

interface Watched {
  readonly nonce: bigint;
  readonly pid: number;
  readonly watch: LifeWatch;
}

/** What a death watch tells. */
export interface DeathWatchHooks {
  /** A participant is watched over whose identity is known. */
  watched(slot: number, state: number, address: PortAddress): void;
  /** The life line of one who was watched over has ended. */
  died(slot: number, state: number, nonce: bigint): void;
}

/** Watches over the life lines of other participants. */
export class DeathWatch {
  readonly #table: ParticipantTable;
  readonly #slot: number;
  readonly #hooks: DeathWatchHooks;
  readonly #watches = new Map<number, Watched>();

  /** @param slot of who watches, and does not watch over itself. */
  constructor(table: ParticipantTable, slot: number, hooks: DeathWatchHooks) {
    this.#table = table;
    this.#slot = slot;
    this.#hooks = hooks;
  }

  /** Watches over every participant with this state. Call it again when the epoch changed. */
  watchOver(state: number): void {
    const used = this.#table.used();
    for (let slot = 0; slot < used; slot++) {
      if (slot === this.#slot) continue;
      // INVARIANT: no lost wake-up. Who has claimed the slot since may have swept what the watch was to hear, and have died.
      while (this.#table.stateOf(slot) === state && !this.#watchSlot(slot, state));
    }
  }

  /** Ends all watches. */
  stop(): void {
    for (const { watch } of this.#watches.values()) watch.close();
    this.#watches.clear();
  }

  /** Whether the slot is free, or its owner was the same before and after the watch over it began. */
  #watchSlot(slot: number, state: number): boolean {
    const address = this.#table.addressOf(slot);
    if (address === undefined) return true;
    const { nonce, pid } = address;
    const known = this.#watches.get(slot);
    // One that was claimed a moment ago may be without its pid, by which some systems watch.
    if (known?.nonce === nonce && known.pid === pid) return true;
    known?.watch.close();
    const watch = watchLife(address, () => this.#hooks.died(slot, state, nonce));
    this.#watches.set(slot, { nonce, pid, watch });
    if (pid !== 0) this.#hooks.watched(slot, state, address);
    return this.#table.isOwnedBy(slot, nonce);
  }
}
