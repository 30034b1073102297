import { MmfError } from '@mmfbus/core';
import {
  advanceRemovals,
  atExit,
  audienceOf,
  leasePort,
  type PortLease,
  probeLife,
  refusalOf,
  removePort,
  timers,
} from '@mmfbus/core/internal';
import { STATE_NONE, STATE_PUBLISHER, STATE_RELIABLE } from '../format/participant-layout.js';
import { diagnostics, tellSoon } from '../foundation/diagnostics.js';
import { ChannelError } from '../foundation/errors.js';
import { Listeners } from '../foundation/listeners.js';
import { atStep } from '../foundation/steps.js';
import type { ChannelMemory } from './channel-memory.js';
import { Counters } from './counters.js';
import { DeathWatch } from './death-watch.js';
import { Doorbells } from './doorbells.js';
import { namedPorts } from './named-ports.js';
import { NamesGuard } from './names-guard.js';
import { ParticipantTable } from './participant-table.js';
import { PublisherLock } from './publisher-lock.js';
import { Reaper } from './reaper.js';
import { Roles } from './roles.js';
import { Sleep } from './sleep.js';

/** A place in a channel: a slot of its own, a share in the port of this thread, and the ways to reach the others. */
export class Participant {
  readonly memory: ChannelMemory;
  readonly table: ParticipantTable;
  readonly lock: PublisherLock;
  readonly counters: Counters;
  readonly port: PortLease;
  readonly slot: number;
  /** Of the slot, from its claim on. */
  readonly generation: number;
  readonly roles: Roles;
  readonly sleep: Sleep;
  readonly reaper: Reaper;
  /** The bell has rung, perhaps for another participant of this thread. */
  readonly rung: Listeners = new Listeners();
  /** The process ends with the participant still in the channel. */
  readonly ending: Listeners = new Listeners();
  /** The life line of a participant that was watched over has ended: it is proved dead. Its slot is reclaimed after that. */
  readonly lifeEnded: Listeners<[nonce: bigint]> = new Listeners();
  /** The life line of a participant that was watched over has ended; its slot was reclaimed. */
  readonly died: Listeners<[nonce: bigint]> = new Listeners();
  /**
   * The names are gone under which others find this participant, or the channel: told once, with a `NAMES_REMOVED`. The
   * participant goes on: where it cannot be rung any more, `rung` is called again and again.
   */
  readonly namesRemoved: Listeners<[error: ChannelError]> = new Listeners();
  readonly #doorbells: Doorbells;
  readonly #deaths: DeathWatch;
  readonly #names: NamesGuard;
  readonly #forgetExit: () => void;
  /** The nonce of the port, low word first. */
  readonly #nonceWords: Int32Array;
  #role: number = STATE_NONE;
  #keepers = 0;
  #open = true;

  /**
   * Takes a slot in the channel, and the memory's lifetime with it.
   *
   * Where it fails, nothing is left of it, nor of the memory.
   *
   * @param signal ends the waiting for the lock, with its reason.
   * @param takeRole is called with the lock held.
   * @returns what that returns.
   * @throws {@link ChannelError} `TOO_MANY_PARTICIPANTS`; `MmfError` when the port cannot be opened, or another participant may
   * not be rung; what `takeRole` throws.
   */
  static async join<R>(
    memory: ChannelMemory,
    name: string,
    signal: AbortSignal,
    takeRole: (participant: Participant) => R,
  ): Promise<R> {
    let participant: Participant | undefined;
    let port: PortLease | undefined;
    try {
      port = leasePort(() => participant?.rung.call(), namedPorts, audienceOf(memory.access));
      participant = new Participant(memory, port);
      participant.table.storeName(participant.slot, name);
      await participant.lock.acquire([signal]);
      participant.roles.inherit(participant.slot, participant.table.generationBefore(participant.slot));
      participant.lock.release();
      atStep?.('join: done');
      await participant.reaper.reclaimDead(signal);
      participant.#checkBells();
      await participant.lock.acquire([signal]);
      try {
        return takeRole(participant);
      } finally {
        participant.lock.release();
      }
    } catch (error) {
      if (participant !== undefined) {
        participant.leave();
      } else {
        port?.release();
        memory.close();
      }
      await memory.closed;
      throw error;
    }
  }

  private constructor(memory: ChannelMemory, port: PortLease) {
    const table = new ParticipantTable(memory);
    const claimed = claimSlot(memory, table, port);
    const { slot } = claimed;
    this.memory = memory;
    this.port = port;
    this.table = table;
    this.slot = slot;
    this.generation = table.generationOf(slot);
    this.#nonceWords = new Int32Array(BigInt64Array.of(port.address.nonce).buffer);
    this.counters = new Counters(memory, slot);
    this.#doorbells = new Doorbells(memory, table, {
      rung: () => this.counters.countWakeUp(),
      dead: (slot) => void timers.setImmediate(() => void this.reaper.reclaim(slot)),
      absent: (slot) => this.#onAbsent(slot),
    });
    this.roles = new Roles(memory, table, this.#doorbells);
    this.sleep = new Sleep(table, slot);
    // A dead holder may have joined as a publisher unnoticed; it must not count as one.
    this.lock = new PublisherLock(memory, table, slot, (slot) => this.reaper.reclaimNow(slot));
    this.reaper = new Reaper({
      channel: memory.name,
      table,
      lock: this.lock,
      roles: this.roles,
      doorbells: this.#doorbells,
      slot,
      nonce: port.address.nonce,
    });
    if (claimed.wasDead) this.reaper.tellRecovered(slot);
    this.#deaths = new DeathWatch(table, slot, {
      watched: (other, state, address) => {
        // Whom publishers watch over they wake, and reliable subscribers those.
        if (this.#role !== (state === STATE_PUBLISHER ? STATE_RELIABLE : STATE_PUBLISHER)) return;
        this.#doorbells.connectTo(other, address);
      },
      died: (other, state, nonce) => void this.#onDeath(other, state, nonce),
    });
    this.#names = new NamesGuard(
      memory,
      port,
      slot,
      () => this.rung.call(),
      (error) => this.namesRemoved.call(error),
    );
    this.#forgetExit = atExit(() => {
      this.ending.call();
      this.leave();
    });
  }

  /** Keeps the process alive, until what it returns is called. */
  keepAlive(): () => void {
    if (this.#keepers++ === 0) this.port.ref();
    let keeps = true;
    return () => {
      if (!keeps) return;
      keeps = false;
      if (--this.#keepers === 0 && this.#open) this.port.unref();
    };
  }

  /**
   * Refuses to stay where this user may not wake another participant. Each looks after it has claimed its slot: of two that come
   * at once, one at least sees the other.
   */
  #checkBells(): void {
    const { table, memory, port } = this;
    if (memory.access === undefined) return;
    const used = table.used();
    for (let slot = 0; slot < used; slot++) {
      const address = table.addressOf(slot);
      if (address === undefined || address.nonce === port.address.nonce) continue;
      const refusal = refusalOf(address);
      if (refusal === undefined || probeLife(address) === 'dead' || !table.isOwnedBy(slot, address.nonce))
        continue;
      throw new MmfError(
        'ACCESS_DENIED',
        `${memory.name}: this user may not wake the participant in slot ${slot}, process ${address.pid}: ${refusal}`,
      );
    }
  }

  /** Whether the slot is this participant's still: who is taken for dead, for whatever reason, loses it. */
  ownsSlot(): boolean {
    return this.table.isStillOwnedBy(this.slot, this.#nonceWords, this.generation);
  }

  /** Takes a role. With the lock held. */
  activate(state: number): void {
    this.roles.take(this.slot, state);
    this.#role = state;
    // Those that watch over others are connected to them by that.
    if (state !== STATE_PUBLISHER) return;
    this.lock.afterRelease(() => this.#doorbells.connectToSubscribers());
  }

  /** Gives up a publisher's role. With the lock held. */
  retire(): void {
    if (!this.ownsSlot()) return;
    this.sleep.close();
    this.roles.leave(this.slot);
  }

  /** See {@link Doorbells.ringForFrames}. */
  ringForFrames(): void {
    this.#doorbells.ringForFrames();
  }

  /** See {@link Doorbells.ringForFramesAgain}. */
  ringForFramesAgain(): void {
    this.#doorbells.ringForFramesAgain();
  }

  /** See {@link Doorbells.ringForRoom}. */
  ringForRoom(): void {
    this.#doorbells.ringForRoom();
  }

  /** See {@link Doorbells.ringSleeper}. */
  ringSleeper(slot: number): void {
    this.#doorbells.ringSleeper(slot);
  }

  /** See {@link Doorbells.ringAnyway}. */
  ringAnyway(slot: number): void {
    this.#doorbells.ringAnyway(slot);
  }

  /** Watches over every participant with this state, and reclaims the slots of the dead. Call it again when the epoch changed. */
  watchOver(state: number): void {
    this.#deaths.watchOver(state);
  }

  /** Ends all watches. */
  stopWatching(): void {
    this.#deaths.stop();
  }

  /** Reclaims the slot of the dead, and looks what came of it. */
  async #onDeath(slot: number, state: number, nonce: bigint): Promise<void> {
    this.lifeEnded.call(nonce);
    await this.reaper.reclaim(slot, nonce);
    if (!this.#open) return;
    // A new participant may have taken over the slot with the role still in it, and die in its turn.
    this.watchOver(state);
    // INVARIANT: no wait for a dead participant. The dead may have freed the slot itself, or another participant may have, and
    // have died before it rang: so all that hear of the death look again.
    this.rung.call();
    this.died.call(nonce);
  }

  /** A participant whose bell is gone cannot be rung; this participant's own bell may have been removed with it. */
  #onAbsent(slot: number): void {
    tellSoon(diagnostics.namesRemoved, { channel: this.memory.name, slot });
    // In a turn of its own: a publisher rings with the lock held.
    timers.setImmediate(() => this.#names.doubt());
  }

  /**
   * Leaves the channel: frees the slot and unmaps the memory. A second call does nothing.
   *
   * @param freesSlot false where the process ends before the role could be given up: those that hear of its death do that.
   */
  leave(freesSlot = true): void {
    if (!this.#open) return;
    this.#open = false;
    this.stopWatching();
    this.#names.close();
    if (freesSlot && this.ownsSlot()) {
      this.sleep.close();
      this.roles.leave(this.slot);
      this.table.release(this.slot, this.port.address.nonce);
    }
    this.ringForRoom();
    const leftBehind = this.reaper.leftBehind();
    this.reaper.stop();
    this.#doorbells.close();
    try {
      this.memory.close(leftBehind !== undefined);
      for (const address of leftBehind ?? []) void removePort(address, namedPorts);
      this.memory.closed = Promise.all([this.memory.closed, advanceRemovals()]).then(() => {});
    } finally {
      this.port.release();
      this.#forgetExit();
    }
  }
}

/** Claims a free slot, or one whose owner is proved dead. */
function claimSlot(
  memory: ChannelMemory,
  table: ParticipantTable,
  port: PortLease,
): { readonly slot: number; readonly wasDead: boolean } {
  for (let slot = 0; slot < table.count; slot++) {
    if (table.tryClaim(slot, 0n, port.address)) return { slot, wasDead: false };
  }
  for (let slot = 0; slot < table.count; slot++) {
    const address = table.addressOf(slot);
    if (address === undefined || probeLife(address) !== 'dead') continue;
    if (!table.tryClaim(slot, address.nonce, port.address)) continue;
    void removePort(address, namedPorts);
    return { slot, wasDead: true };
  }
  throw new ChannelError('TOO_MANY_PARTICIPANTS', memory.name, `all of its ${table.count} slots are taken`);
}
