import { advanceRemovals, type PortAddress, probeLife, removePort, timers } from '@mmfbus/core/internal';
import { STATE_PUBLISHER } from '../format/participant-layout.js';
import { diagnostics, tellSoon } from '../foundation/diagnostics.js';
import { atStep } from '../foundation/steps.js';
import type { Doorbells } from './doorbells.js';
import { namedPorts } from './named-ports.js';
import type { ParticipantTable } from './participant-table.js';
import type { PublisherLock } from './publisher-lock.js';
import type { Roles } from './roles.js';

/** Milliseconds between two questions whether subscribers live: they take as long as hundreds of messages. */
const PROBE_PAUSE = 1;

/** What a reaper works on, and for whom. */
export interface ReaperParts {
  readonly channel: string;
  readonly table: ParticipantTable;
  readonly lock: PublisherLock;
  readonly roles: Roles;
  readonly doorbells: Doorbells;
  /** Slot and port of the participant whose reaper it is, which it never takes for dead. */
  readonly slot: number;
  readonly nonce: bigint;
}

/** Reclaims the slots of participants that are proved dead, for one who lives. */
export class Reaper {
  readonly #parts: ReaperParts;
  readonly #stopping = new AbortController();
  /** When it was asked last whether subscribers live. */
  #probed = Number.NEGATIVE_INFINITY;

  constructor(parts: ReaperParts) {
    this.#parts = parts;
  }

  get #stopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** Nothing is reclaimed from here on, and the memory not touched. */
  stop(): void {
    this.#stopping.abort();
  }

  /** Reclaims the slots of all owners that are proved dead. */
  async reclaimDead(signal: AbortSignal): Promise<void> {
    const used = this.#parts.table.used();
    for (let slot = 0; slot < used; slot++) await this.#reclaim(slot, undefined, [signal]);
  }

  /**
   * Frees the slot when its owner is proved dead, and tells the others what they lost with it.
   *
   * @param dead nonce of a port that was proved dead by the end of its life line.
   */
  reclaim(slot: number, dead?: bigint): Promise<void> {
    // Where it fails, the next participant that joins does the same.
    return this.#reclaim(slot, dead, []).catch(() => {});
  }

  /**
   * Frees the slots of subscribers that are proved dead, without waiting; whether there were any. The system is not asked each time
   * that the ring is full.
   */
  reclaimDeadSubscribers(): boolean {
    const now = timers.now();
    if (now - this.#probed < PROBE_PAUSE) return false;
    this.#probed = now;
    const { table, lock } = this.#parts;
    const used = table.used();
    let any = false;
    for (let slot = 0; slot < used; slot++) {
      if (table.stateOf(slot) === STATE_PUBLISHER || !this.#isDead(slot)) continue;
      if (!lock.spin()) break;
      this.reclaimNow(slot);
      lock.release();
      any = true;
    }
    return any;
  }

  /**
   * With the lock held, and the slot freed last: a process that dies in the middle leaves both to the next one, which does
   * all of it again.
   */
  reclaimNow(slot: number, dead?: bigint): void {
    const { table, lock, roles, doorbells } = this.#parts;
    const address = table.addressOf(slot);
    // Another participant may have been faster, or the slot may have another owner by now.
    if (address === undefined || !this.#isDead(slot, dead)) return;
    atStep?.('reclaim: begun');
    // It may have given up the role by itself, and have died before it said so.
    if (!roles.inherit(slot, table.generationOf(slot))) roles.tellOfLeaving();
    doorbells.ringForRoom();
    atStep?.('reclaim: role taken');
    // INVARIANT: no lost wake-up. The slot goes last: a process that reclaims after a death before this does all of it again.
    if (!table.release(slot, address.nonce)) return;
    lock.afterRelease(() => {
      this.tellRecovered(slot);
      void removePort(address, namedPorts);
      // Now, as far as it goes fast: who reclaims may be a Worker that is terminated the moment after.
      void advanceRemovals();
      atStep?.('reclaim: port removed');
    });
  }

  /** Says that a slot was freed, or claimed, whose owner was dead. */
  tellRecovered(slot: number): void {
    tellSoon(diagnostics.recovered, { channel: this.#parts.channel, what: 'slot', slot });
  }

  /** The dead whose slots are not reclaimed; undefined when a living participant may yet do so. */
  leftBehind(): readonly PortAddress[] | undefined {
    const { table } = this.#parts;
    const used = table.used();
    const dead: PortAddress[] = [];
    for (let slot = 0; slot < used; slot++) {
      const address = table.addressOf(slot);
      if (address === undefined) continue;
      // INVARIANT: a living port stays. Only what is proved dead is removed, and only where no living participant could reclaim its slot.
      if (!this.#isProvedDead(address)) return undefined;
      dead.push(address);
    }
    return dead;
  }

  async #reclaim(slot: number, dead: bigint | undefined, signals: readonly AbortSignal[]): Promise<void> {
    if (!this.#isDead(slot, dead) || !(await this.#acquireLock(signals))) return;
    try {
      this.reclaimNow(slot, dead);
    } finally {
      this.#parts.lock.release();
    }
  }

  /** False when it was stopped meanwhile; the memory is gone then. */
  async #acquireLock(signals: readonly AbortSignal[]): Promise<boolean> {
    await this.#parts.lock.acquire([this.#stopping.signal, ...signals]).catch((error: unknown) => {
      if (!this.#stopped) throw error;
    });
    return !this.#stopped;
  }

  #isDead(slot: number, dead?: bigint): boolean {
    if (this.#stopped || slot === this.#parts.slot) return false;
    const address = this.#parts.table.addressOf(slot);
    return address !== undefined && (address.nonce === dead || this.#isProvedDead(address));
  }

  #isProvedDead(address: PortAddress): boolean {
    // Participants of one thread share its port.
    return address.nonce !== this.#parts.nonce && probeLife(address) === 'dead';
  }
}
