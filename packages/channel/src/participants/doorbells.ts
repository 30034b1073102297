import { type Bell, connectBell } from '@mmfbus/core';
import { STATE_PUBLISHER } from '../layout/participant-layout.js';
import { atStep } from '../steps.js';
import type { ParticipantTable } from './participant-table.js';

/** A sleeper that was rung and does not wake up may have died before it heard: one in this many rings is sent again. */
const SKIPS = 1000;

interface Connection {
  readonly nonce: bigint;
  readonly bell: Bell;
}

/** The bells of a channel's participants, as one of them rings them. */
export class Doorbells {
  readonly #table: ParticipantTable;
  readonly #onRung: () => void;
  readonly #onDead: (slot: number) => void;
  readonly #connections: (Connection | undefined)[] = [];
  /** The last sleep that each slot was rung in: a bell keeps ringing until its owner hears it, so once is enough. */
  readonly #rung: Int32Array;
  #skips = 0;

  /**
   * @param onRung is told of each ring that was sent.
   * @param onDead is told of a slot whose bell proved its owner dead.
   */
  constructor(table: ParticipantTable, onRung: () => void, onDead: (slot: number) => void) {
    this.#table = table;
    this.#onRung = onRung;
    this.#onDead = onDead;
    this.#rung = new Int32Array(table.count);
  }

  /** Rings the subscribers that sleep. */
  ringSubscribers(): void {
    this.#ringAll(false);
  }

  /** Rings the publishers that sleep. */
  ringPublishers(): void {
    this.#ringAll(true);
  }

  close(): void {
    for (const connection of this.#connections) connection?.bell.close();
    this.#connections.length = 0;
  }

  #ringAll(publishers: boolean): void {
    const used = this.#table.used();
    for (let slot = 0; slot < used; slot++) {
      const sleep = this.#table.sleepOf(slot);
      if (sleep === 0) continue;
      if (sleep === this.#rung[slot] && ++this.#skips % SKIPS !== 0) continue;
      if ((this.#table.stateOf(slot) === STATE_PUBLISHER) === publishers) this.#ring(slot, sleep);
    }
  }

  #ring(slot: number, sleep: number): void {
    const address = this.#table.addressOf(slot);
    if (address === undefined) return;
    let connection = this.#connections[slot];
    if (connection?.nonce !== address.nonce) {
      connection?.bell.close();
      connection = { nonce: address.nonce, bell: connectBell(address) };
      this.#connections[slot] = connection;
    }
    const liveness = connection.bell.ring();
    if (liveness === 'alive') {
      this.#rung[slot] = sleep;
      this.#onRung();
      atStep?.('ring: sent');
      return;
    }
    // A new connection next time: what kept this one from being made may have passed.
    connection.bell.close();
    this.#connections[slot] = undefined;
    if (liveness === 'dead') this.#onDead(slot);
  }
}
