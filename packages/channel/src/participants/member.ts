import {
  atExit,
  type LifeWatch,
  leasePort,
  type PortAddress,
  type PortLease,
  probeLife,
  removePort,
  watchLife,
} from '@mmfbus/core';
import type { ChannelMemory } from '../channel-memory.js';
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
import { STATE_NONE, STATE_PUBLISHER } from '../layout/participant-layout.js';
import { Doorbells } from './doorbells.js';
import { ParticipantTable } from './participant-table.js';
import { PublisherLock } from './publisher-lock.js';

const EPOCH = EPOCH_OFFSET >> 2;
const CLOSED_EPOCH = CLOSED_EPOCH_OFFSET >> 2;
const CLOSED_REASON = CLOSED_REASON_OFFSET >> 2;
const SLEEPERS = SLEEPERS_OFFSET >> 2;
const ROOM_WAITERS = ROOM_WAITERS_OFFSET >> 2;

/** A place in a channel: a slot of its own, a share in the port of this thread, and the ways to reach the others. */
export class Member {
  readonly memory: ChannelMemory;
  readonly table: ParticipantTable;
  readonly lock: PublisherLock;
  readonly port: PortLease;
  readonly slot: number;
  /** Called when somebody rang; it may have meant another participant of this thread. */
  onRing: (() => void) | undefined;
  /** Run when the process ends with the member still in the channel. */
  atEnd: (() => void) | undefined;
  readonly #doorbells: Doorbells;
  readonly #watches = new Map<number, { readonly nonce: bigint; readonly watch: LifeWatch }>();
  readonly #forgetExit: () => void;
  readonly #leaving = new AbortController();
  #open = true;

  /**
   * Takes a slot in the channel, and the memory's lifetime with it.
   *
   * @throws {@link ChannelError} `TOO_MANY_PARTICIPANTS`.
   */
  static async join(memory: ChannelMemory, name: string): Promise<Member> {
    let member: Member | undefined;
    const port = leasePort(() => member?.onRing?.());
    try {
      member = new Member(memory, port);
      member.table.storeName(member.slot, name);
      await member.lock.acquire();
      member.#inherit(member.slot);
      member.lock.release();
      await member.buryDead();
      return member;
    } catch (error) {
      port.release();
      memory.close();
      throw error;
    }
  }

  private constructor(memory: ChannelMemory, port: PortLease) {
    this.memory = memory;
    this.port = port;
    this.table = new ParticipantTable(memory);
    this.slot = this.#claimSlot();
    this.lock = new PublisherLock(memory, this.table, this.slot);
    this.#doorbells = new Doorbells(this.table, (slot) => setImmediate(() => this.#buryLater(slot)));
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
      removePort(address);
      return slot;
    }
    throw new ChannelError(
      'TOO_MANY_PARTICIPANTS',
      this.memory.name,
      `all of its ${table.count} slots are taken`,
    );
  }

  /** Whether another publisher takes part than the one that ends. With the lock held. */
  #hasOtherPublisher(than: number): boolean {
    const used = this.table.used();
    for (let slot = 0; slot < used; slot++) {
      if (slot === than || this.table.stateOf(slot) !== STATE_PUBLISHER) continue;
      // Who died while it joined may be watched over by nobody.
      if (this.#isDead(slot)) this.#buryNow(slot);
      if (this.table.stateOf(slot) === STATE_PUBLISHER) return true;
    }
    return false;
  }

  /** Changes when a publisher or a reliable subscriber joins. */
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
    Atomics.add(this.memory.words, EPOCH, 1);
    this.ringSubscribers();
  }

  /** Gives up a publisher's role. With the lock held. */
  retire(): void {
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

  /** Rings the publishers that wait for room. After a cursor moved. */
  ringPublishers(): void {
    // SYNC: waiting for room. The cursor was stored before this load; a publisher counts itself before it reads cursors.
    if (Atomics.load(this.memory.words, ROOM_WAITERS) !== 0) this.#doorbells.ringPublishers();
  }

  /** Watches over every participant with this state; the dead are buried. Call it again when the epoch changed. */
  watchOver(state: number): void {
    const used = this.table.used();
    for (let slot = 0; slot < used; slot++) {
      if (slot !== this.slot && this.table.stateOf(slot) === state) this.#watch(slot);
    }
  }

  #watch(slot: number): void {
    // Again after each watch: the port of an owner that has another one by now may have been gone before it began.
    for (;;) {
      const address = this.table.addressOf(slot);
      const known = this.#watches.get(slot);
      if (address === undefined || known?.nonce === address.nonce) return;
      known?.watch.close();
      const watch = watchLife(address, () => this.#buryLater(slot, address.nonce));
      this.#watches.set(slot, { nonce: address.nonce, watch });
    }
  }

  /** Buries everybody who is proved dead. */
  async buryDead(): Promise<void> {
    const used = this.table.used();
    for (let slot = 0; slot < used; slot++) await this.bury(slot);
  }

  /**
   * Frees the slot when its owner is proved dead, and tells the others what they lost with it.
   *
   * @param dead nonce of a port that was proved dead by the end of its life line.
   */
  async bury(slot: number, dead?: bigint): Promise<void> {
    if (!this.#isDead(slot, dead)) return;
    const wasPublisher = this.table.stateOf(slot) === STATE_PUBLISHER;
    if (wasPublisher && !(await this.#acquireLock())) return;
    try {
      this.#buryNow(slot, dead);
    } finally {
      if (wasPublisher) this.lock.release();
    }
  }

  /** Frees the slots of subscribers that are proved dead, without waiting; whether there were any. */
  buryDeadSubscribers(): boolean {
    const used = this.table.used();
    let any = false;
    for (let slot = 0; slot < used; slot++) {
      if (this.table.stateOf(slot) === STATE_PUBLISHER || !this.#isDead(slot)) continue;
      this.#buryNow(slot);
      any = true;
    }
    return any;
  }

  #buryLater(slot: number, dead?: bigint): void {
    // What can fail here is a lock word that makes no sense; whoever uses the lock next says so to its user.
    this.bury(slot, dead)
      .then(() => this.#lookAfter(slot))
      .catch(() => {});
  }

  /** Whoever was faster to claim a dead owner's slot may die with the old role in it, or before it rang for that role. */
  #lookAfter(slot: number): void {
    if (!this.#open) return;
    // INVARIANT: nobody waits for ever. What the dead held back is given up by the living, and they look again.
    if (slot !== this.slot && this.table.stateOf(slot) !== STATE_NONE) this.#watch(slot);
    this.onRing?.();
  }

  #isDead(slot: number, dead?: bigint): boolean {
    if (!this.#open || slot === this.slot) return false;
    const address = this.table.addressOf(slot);
    return address !== undefined && (address.nonce === dead || probeLife(address) === 'dead');
  }

  #buryNow(slot: number, dead?: bigint): void {
    const address = this.table.addressOf(slot);
    // Somebody else may have been faster, or the slot have another owner by now.
    if (address === undefined || !this.#isDead(slot, dead)) return;
    if (!this.table.tryClaim(slot, address.nonce, this.port.address)) return;
    removePort(address);
    this.#inherit(slot);
    this.table.release(slot);
  }

  /** Takes the role out of a slot that was claimed, perhaps from a dead owner. With the lock held for a publisher's. */
  #inherit(slot: number): void {
    this.table.wakeUp(slot);
    if (this.table.stateOf(slot) === STATE_PUBLISHER) this.#endPublisher(slot, CLOSED_BY_DEATH);
    else this.table.storeState(slot, STATE_NONE);
    // It may have been a subscriber that held them back.
    this.ringPublishers();
  }

  /** False when the member left meanwhile; the memory is gone then. */
  async #acquireLock(): Promise<boolean> {
    await this.lock.acquire([this.#leaving.signal]).catch((error: unknown) => {
      if (this.#open) throw error;
    });
    return this.#open;
  }

  #endPublisher(slot: number, reason: number): void {
    if (!this.#hasOtherPublisher(slot)) {
      Atomics.store(this.memory.words, CLOSED_REASON, reason);
      Atomics.add(this.memory.words, CLOSED_EPOCH, 1);
    }
    // Also where nothing was closed: the dead may have published something and not rung for it.
    this.ringSubscribers();
    // INVARIANT: no lost wake-up. Last, so that whoever buries one who died before this does all of it again.
    this.table.storeState(slot, STATE_NONE);
  }

  /** Leaves the channel: frees the slot and unmaps the memory. A second call does nothing. */
  leave(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#leaving.abort();
    for (const { watch } of this.#watches.values()) watch.close();
    this.table.wakeUp(this.slot);
    this.table.storeState(this.slot, STATE_NONE);
    this.table.release(this.slot);
    this.ringPublishers();
    const others = this.#countLiving();
    this.#doorbells.close();
    try {
      this.memory.close(others === 0);
    } finally {
      this.port.release();
      this.#forgetExit();
    }
  }

  /** Counts who else takes part. Where nobody does, removes what the dead left beside the segment. */
  #countLiving(): number {
    const used = this.table.used();
    const dead: PortAddress[] = [];
    let living = 0;
    for (let slot = 0; slot < used; slot++) {
      const address = this.table.addressOf(slot);
      if (address === undefined) continue;
      if (probeLife(address) === 'dead') dead.push(address);
      else living++;
    }
    // INVARIANT: a living port stays. Only what is proved dead is removed, and where nobody lives to do it.
    // The living bury the dead themselves, and without its port some of them could not be proved dead any more.
    if (living === 0) for (const address of dead) removePort(address);
    return living;
  }
}
