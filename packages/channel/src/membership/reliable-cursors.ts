import { isAligned } from '../format/frame-layout.js';
import { DISCONNECTED_AS_SLOW, DISCONNECTED_AS_WRONG, STATE_RELIABLE } from '../format/participant-layout.js';
import type { ParticipantTable } from './participant-table.js';

/** What is done when a subscriber is given up. */
export interface DisconnectHooks {
  /** Called before: others may wait for the same subscriber. */
  before(): void;
  /** Called when it is one no longer. */
  after(): void;
}

/** How far the reliable subscribers of a channel are. With the publisher lock held. */
export class ReliableCursors {
  readonly #table: ParticipantTable;
  readonly #hooks: DisconnectHooks | undefined;

  constructor(table: ParticipantTable, hooks?: DisconnectHooks) {
    this.#table = table;
    this.#hooks = hooks;
  }

  /**
   * The lowest cursor, or `tail` without one. Who has a cursor that no subscriber writes is disconnected.
   *
   * @param least lowest position that any cursor can have.
   */
  slowest(tail: number, least: number): number {
    const used = this.#table.used();
    let slowest = tail;
    for (let slot = 0; slot < used; slot++) {
      if (this.#table.stateOf(slot) !== STATE_RELIABLE) continue;
      const cursor = this.#table.cursorOf(slot);
      const isPosition = cursor >= least && cursor <= tail && isAligned(cursor);
      if (isPosition && !this.#table.isFree(slot)) {
        slowest = Math.min(slowest, cursor);
      } else {
        // No subscriber writes such a cursor, or has a slot that is free. It must not hold the publishers back for ever, so it
        // is told instead.
        this.#disconnect(slot, DISCONNECTED_AS_WRONG);
      }
    }
    return slowest;
  }

  /**
   * Gives up the subscribers whose cursors are before that position.
   *
   * @returns whether there were any.
   */
  disconnectBefore(position: number): boolean {
    const used = this.#table.used();
    let any = false;
    for (let slot = 0; slot < used; slot++) {
      if (this.#table.stateOf(slot) !== STATE_RELIABLE || this.#table.cursorOf(slot) >= position) continue;
      this.#disconnect(slot, DISCONNECTED_AS_SLOW);
      any = true;
    }
    return any;
  }

  #disconnect(slot: number, reason: number): void {
    this.#hooks?.before();
    this.#table.disconnect(slot, reason);
    this.#hooks?.after();
  }
}
