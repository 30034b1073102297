import {
  advanceRemovals,
  atExit,
  callAlone,
  type LifeWatch,
  leasePort,
  type PortAddress,
  type PortLease,
  probeLife,
  removePort,
  timers,
  watchLife,
} from '@mmfbus/core';
import type { ChannelMemory } from '../channel-memory.js';
import { diagnostics, tellSoon } from '../diagnostics.js';
import { ChannelError } from '../errors.js';
import {
  CLOSED_BY_DEATH,
  CLOSED_BY_LEAVING,
  CLOSED_EPOCH_OFFSET,
  CLOSED_REASON_OFFSET,
  EPOCH_OFFSET,
  ROOM_WAITERS_OFFSET,
  SLEEPERS_OFFSET,
} from '../layout/header-layout.js';
import { STATE_NONE, STATE_PUBLISHER, STATE_RELIABLE } from '../layout/participant-layout.js';
import { atStep } from '../steps.js';
import { Counters } from './counters.js';
import { Doorbells } from './doorbells.js';
import { namedPorts } from './named-ports.js';
import { NamesGuard } from './names-guard.js';
import { ParticipantTable } from './participant-table.js';
import { PublisherLock } from './publisher-lock.js';

const EPOCH = EPOCH_OFFSET >> 2;
const CLOSED_EPOCH = CLOSED_EPOCH_OFFSET >> 2;
const CLOSED_REASON = CLOSED_REASON_OFFSET >> 2;
const SLEEPERS = SLEEPERS_OFFSET >> 2;
const ROOM_WAITERS = ROOM_WAITERS_OFFSET >> 2;

interface Watched {
  readonly nonce: bigint;
  readonly pid: number;
  readonly watch: LifeWatch;
}

/** A place in a channel: a slot of its own, a share in the port of this thread, and the ways to reach the others. */
export class Member {
  readonly memory: ChannelMemory;
  readonly table: ParticipantTable;
  readonly lock: PublisherLock;
  readonly counters: Counters;
  readonly port: PortLease;
  readonly slot: number;
  /** Of the slot, from its claim on. */
  readonly #generation: number;
  /** Called when somebody rang; it may have meant another participant of this thread. */
  onRing: (() => void) | undefined;
  /** Run when the process ends with the member still in the channel. */
  atEnd: (() => void) | undefined;
  /** Called when the life line of somebody who is watched over has ended, after the burial. */
  onDeath: ((nonce: bigint) => void) | undefined;
  /**
   * Called once with a `NAMES_REMOVED`, when the names are gone under which others find this participant, or the channel.
   * The member goes on: where it cannot be rung any more, `onRing` is called again and again.
   */
  onNamesRemoved: ((error: ChannelError) => void) | undefined;
  readonly #doorbells: Doorbells;
  readonly #watches = new Map<number, Watched>();
  readonly #names: NamesGuard;
  readonly #forgetExit: () => void;
  readonly #leaving = new AbortController();
  #role: number = STATE_NONE;
  #open = true;

  /**
   * Takes a slot in the channel, and the memory's lifetime with it.
   *
   * Where it fails, nothing is left of it, nor of the memory.
   *
   * @param signals any of them ends the waiting for the lock, with its reason.
   * @throws {@link ChannelError} `TOO_MANY_PARTICIPANTS`; `MmfError` when the port cannot be opened.
   */
  static async join(
    memory: ChannelMemory,
    name: string,
    signals: readonly AbortSignal[] = [],
  ): Promise<Member> {
    let member: Member | undefined;
    let port: PortLease | undefined;
    try {
      port = leasePort(() => member?.onRing?.(), namedPorts);
      member = new Member(memory, port);
      member.table.storeName(member.slot, name);
      await member.lock.acquire(signals);
      member.#inherit(member.slot);
      member.lock.release();
      atStep?.('join: done');
      await member.buryDead(signals);
      return member;
    } catch (error) {
      if (member !== undefined) {
        member.leave();
      } else {
        port?.release();
        memory.close();
      }
      await memory.closed;
      throw error;
    }
  }

  private constructor(memory: ChannelMemory, port: PortLease) {
    this.memory = memory;
    this.port = port;
    this.table = new ParticipantTable(memory);
    this.slot = this.#claimSlot();
    this.#generation = this.table.generationOf(this.slot);
    // A dead holder may have joined as a publisher without anybody knowing; it must not count as one.
    this.lock = new PublisherLock(memory, this.table, this.slot, (slot) => this.#buryNow(slot));
    this.counters = new Counters(memory, this.slot);
    this.#doorbells = new Doorbells(this.table, {
      rung: () => this.counters.countWakeUp(),
      dead: (slot) => void timers.setImmediate(() => void this.#buryLater(slot)),
      absent: (slot) => this.#onAbsent(slot),
    });
    this.#names = new NamesGuard(
      memory,
      port,
      this.slot,
      () => this.onRing?.(),
      (error) => this.onNamesRemoved?.(error),
    );
    this.#forgetExit = atExit(() => {
      this.atEnd?.();
      this.leave();
    });
  }

  #claimSlot(): number {
    const { table } = this;
    const owner = this.port.address;
    for (let slot = 0; slot < table.count; slot++) if (table.tryClaim(slot, 0n, owner)) return slot;
    for (let slot = 0; slot < table.count; slot++) {
      const address = table.addressOf(slot);
      if (address === undefined || probeLife(address) !== 'dead') continue;
      if (!table.tryClaim(slot, address.nonce, owner)) continue;
      void removePort(address, namedPorts);
      this.#tellRecovered(slot);
      return slot;
    }
    throw new ChannelError(
      'TOO_MANY_PARTICIPANTS',
      this.memory.name,
      `all of its ${table.count} slots are taken`,
    );
  }

  /** Whether the slot is this member's still: who is taken for dead, for whatever reason, loses it. */
  ownsSlot(): boolean {
    const { table, slot } = this;
    return table.isOwnedBy(slot, this.port.address.nonce) && table.generationOf(slot) === this.#generation;
  }

  #hasPublisherBeside(slot: number): boolean {
    const used = this.table.used();
    for (let other = 0; other < used; other++) {
      if (other !== slot && this.table.stateOf(other) === STATE_PUBLISHER) return true;
    }
    return false;
  }

  /** Changes when a publisher or a reliable subscriber joins, and when a publisher leaves or dies. */
  epoch(): number {
    return Atomics.load(this.memory.words, EPOCH);
  }

  /** Changes when the last publisher leaves or dies. */
  closedEpoch(): number {
    return Atomics.load(this.memory.words, CLOSED_EPOCH);
  }

  /** Why it did. */
  closedReason(): 'closed' | 'lost' {
    return Atomics.load(this.memory.words, CLOSED_REASON) === CLOSED_BY_DEATH ? 'lost' : 'closed';
  }

  /** Takes a role. With the lock held. */
  activate(state: number): void {
    this.table.storeState(this.slot, state);
    atStep?.('join: state stored');
    Atomics.add(this.memory.words, EPOCH, 1);
    atStep?.('join: epoch raised');
    this.ringSubscribers();
    this.#role = state;
    // Those who watch over others are connected to them by that.
    if (state !== STATE_PUBLISHER) return;
    this.lock.afterRelease(() => this.#doorbells.connectToSubscribers());
  }

  /** Gives up a publisher's role. With the lock held. */
  retire(): void {
    if (!this.ownsSlot()) return;
    this.table.wakeUp(this.slot);
    this.#endPublisher(this.slot, CLOSED_BY_LEAVING);
  }

  /**
   * Rings the subscribers that sleep. With the lock still held, after what they wait for has changed: whoever dies
   * before it rang leaves the lock held, and is heard to die by everyone who sleeps.
   */
  ringSubscribers(): void {
    // SYNC: going to sleep. What changed was stored before this load; a subscriber counts itself before it looks.
    if (Atomics.load(this.memory.words, SLEEPERS) !== 0) this.#doorbells.ringSubscribers();
  }

  /** As {@link Member.ringSubscribers}, also those that were rung before and have not woken up since. */
  ringAgain(): void {
    this.#doorbells.ringSubscribersAgain();
  }

  /** Rings the publishers that wait for room. After a cursor moved. */
  ringPublishers(): void {
    // SYNC: waiting for room. The cursor was stored before this load; a publisher counts itself before it reads cursors.
    if (Atomics.load(this.memory.words, ROOM_WAITERS) !== 0) this.#doorbells.ringPublishers();
  }

  /** Watches over every participant with this state; the dead are buried. Call it again when the epoch changed. */
  watchOver(state: number): void {
    const used = this.table.used();
    for (let slot = 0; slot < used; slot++) {
      if (slot === this.slot) continue;
      // INVARIANT: no lost wake-up. Who has claimed the slot since may have swept what the watch was to hear, and have died.
      while (this.table.stateOf(slot) === state && !this.#watchSlot(slot, state));
    }
  }

  /** Whether somebody is watched over who still had the slot when the watch had begun, or nobody has it. */
  #watchSlot(slot: number, state: number): boolean {
    const address = this.table.addressOf(slot);
    if (address === undefined) return true;
    const { nonce, pid } = address;
    const known = this.#watches.get(slot);
    // One that was claimed a moment ago may be without its pid, by which some systems watch.
    if (known?.nonce === nonce && known.pid === pid) return true;
    known?.watch.close();
    const watch = watchLife(address, () => void this.#onDeath(slot, nonce, state));
    this.#watches.set(slot, { nonce, pid, watch });
    // Whom publishers watch over they wake, and reliable subscribers those.
    if (pid !== 0 && this.#role === (state === STATE_PUBLISHER ? STATE_RELIABLE : STATE_PUBLISHER)) {
      this.#doorbells.connectTo(slot, address);
    }
    return this.table.isOwnedBy(slot, nonce);
  }

  /** Watches over nobody any more. */
  stopWatching(): void {
    for (const { watch } of this.#watches.values()) watch.close();
    this.#watches.clear();
  }

  /** Buries the dead, and looks what came of it. */
  async #onDeath(slot: number, nonce: bigint, state: number): Promise<void> {
    await this.#buryLater(slot, nonce);
    if (!this.#open) return;
    // Somebody who joined may have taken over the slot with the role still in it, and die in his turn.
    this.watchOver(state);
    // INVARIANT: nobody waits for ever. The dead may have freed the slot itself, or somebody else may have, and have died
    // before it rang: so whoever hears of the death looks again.
    callAlone(() => this.onRing?.());
    callAlone(() => this.onDeath?.(nonce));
  }

  /** Buries everybody who is proved dead. */
  async buryDead(signals: readonly AbortSignal[] = []): Promise<void> {
    const used = this.table.used();
    for (let slot = 0; slot < used; slot++) await this.bury(slot, undefined, signals);
  }

  /**
   * Frees the slot when its owner is proved dead, and tells the others what they lost with it.
   *
   * @param dead nonce of a port that was proved dead by the end of its life line.
   * @param signals any of them ends the waiting for the lock, with its reason.
   */
  async bury(slot: number, dead?: bigint, signals: readonly AbortSignal[] = []): Promise<void> {
    if (!this.#isDead(slot, dead) || !(await this.#acquireLock(signals))) return;
    try {
      this.#buryNow(slot, dead);
    } finally {
      this.lock.release();
    }
  }

  /** Frees the slots of subscribers that are proved dead, without waiting; whether there were any. */
  buryDeadSubscribers(): boolean {
    const used = this.table.used();
    let any = false;
    for (let slot = 0; slot < used; slot++) {
      if (this.table.stateOf(slot) === STATE_PUBLISHER || !this.#isDead(slot)) continue;
      if (!this.lock.spin()) break;
      this.#buryNow(slot);
      this.lock.release();
      any = true;
    }
    return any;
  }

  #buryLater(slot: number, dead?: bigint): Promise<void> {
    // Where it fails, whoever comes next does the same.
    return this.bury(slot, dead).catch(() => {});
  }

  #isDead(slot: number, dead?: bigint): boolean {
    if (!this.#open || slot === this.slot) return false;
    const address = this.table.addressOf(slot);
    return address !== undefined && (address.nonce === dead || this.#isProvedDead(address));
  }

  #isProvedDead(address: PortAddress): boolean {
    // Participants of one thread share its port.
    return address.nonce !== this.port.address.nonce && probeLife(address) === 'dead';
  }

  /**
   * With the lock held, and the slot freed last: whoever dies in the middle leaves both to the next one, who does all of
   * it again.
   */
  #buryNow(slot: number, dead?: bigint): void {
    const address = this.table.addressOf(slot);
    // Somebody else may have been faster, or the slot have another owner by now.
    if (address === undefined || !this.#isDead(slot, dead)) return;
    atStep?.('bury: begun');
    const hadRole = this.table.stateOf(slot) !== STATE_NONE;
    this.#inherit(slot);
    // It may have given up the role by itself, and have died before it said so.
    if (!hadRole) this.#tellOfLeaving();
    this.ringPublishers();
    atStep?.('bury: role taken');
    // INVARIANT: no lost wake-up. The slot goes last, so that whoever buries one who died before this does all of it again.
    if (!this.table.release(slot, address.nonce)) return;
    this.lock.afterRelease(() => {
      this.#tellRecovered(slot);
      void removePort(address, namedPorts);
      // Now, as far as it goes fast: who buries may be a Worker that is terminated the moment after.
      void advanceRemovals();
      atStep?.('bury: port removed');
    });
  }

  #tellRecovered(slot: number): void {
    tellSoon(diagnostics.recovered, { channel: this.memory.name, what: 'slot', slot });
  }

  /** Somebody whose bell is gone cannot be rung; this member's own may have been removed with it. */
  #onAbsent(slot: number): void {
    tellSoon(diagnostics.namesRemoved, { channel: this.memory.name, slot });
    // In a turn of its own: a publisher rings with the lock held.
    timers.setImmediate(() => this.#names.doubt());
  }

  /** Takes the role of a dead owner out of the slot. With the lock held. */
  #inherit(slot: number): void {
    this.table.wakeUp(slot);
    if (this.table.stateOf(slot) === STATE_PUBLISHER) this.#endPublisher(slot, CLOSED_BY_DEATH);
    else this.table.storeState(slot, STATE_NONE);
  }

  /** False when the member left meanwhile; the memory is gone then. */
  async #acquireLock(signals: readonly AbortSignal[]): Promise<boolean> {
    await this.lock.acquire([this.#leaving.signal, ...signals]).catch((error: unknown) => {
      if (this.#open) throw error;
    });
    return this.#open;
  }

  /** The role goes after the word that it was the last one: who dies in between is buried as a publisher. */
  #endPublisher(slot: number, reason: number): void {
    if (!this.#hasPublisherBeside(slot)) {
      Atomics.store(this.memory.words, CLOSED_REASON, reason);
      atStep?.('leave: reason stored');
      Atomics.add(this.memory.words, CLOSED_EPOCH, 1);
      atStep?.('leave: closed');
    }
    this.table.storeState(slot, STATE_NONE);
    atStep?.('leave: state stored');
    this.#tellOfLeaving();
  }

  #tellOfLeaving(): void {
    Atomics.add(this.memory.words, EPOCH, 1);
    atStep?.('leave: epoch raised');
    // Also where nothing was closed: the dead may have published something and not rung for it.
    this.ringSubscribers();
  }

  /**
   * Leaves the channel: frees the slot and unmaps the memory. A second call does nothing.
   *
   * @param freesSlot false where the process ends before the role could be given up: whoever hears of its death does that.
   */
  leave(freesSlot = true): void {
    if (!this.#open) return;
    this.#open = false;
    this.#leaving.abort();
    this.stopWatching();
    this.#names.close();
    if (freesSlot && this.ownsSlot()) {
      this.table.wakeUp(this.slot);
      this.table.storeState(this.slot, STATE_NONE);
      atStep?.('leave: state stored');
      this.table.release(this.slot, this.port.address.nonce);
    }
    this.ringPublishers();
    const leftBehind = this.#leftBehind();
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

  /** The dead whom nobody has buried; undefined when somebody lives who may yet do so. */
  #leftBehind(): readonly PortAddress[] | undefined {
    const used = this.table.used();
    const dead: PortAddress[] = [];
    for (let slot = 0; slot < used; slot++) {
      const address = this.table.addressOf(slot);
      if (address === undefined) continue;
      // INVARIANT: a living port stays. Only what is proved dead is removed, and where nobody lives to bury it.
      if (!this.#isProvedDead(address)) return undefined;
      dead.push(address);
    }
    return dead;
  }
}
