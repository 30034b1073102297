import { type Bell, connectBell, type PortAddress, timers } from '@mmfbus/core/internal';
import { MEMBER_WAITERS_OFFSET, ROOM_WAITERS_OFFSET, SLEEPERS_OFFSET } from '../format/header-layout.js';
import {
  STATE_LOSSY,
  STATE_RELIABLE,
  WANTS_FRAMES,
  WANTS_MEMBERS,
  WANTS_ROOM,
} from '../format/participant-layout.js';
import { loadBehind } from '../format/words.js';
import { atStep } from '../foundation/steps.js';
import type { ChannelMemory } from './channel-memory.js';
import type { ParticipantTable } from './participant-table.js';

const SLEEPERS = SLEEPERS_OFFSET >> 2;
const ROOM_WAITERS = ROOM_WAITERS_OFFSET >> 2;
const MEMBER_WAITERS = MEMBER_WAITERS_OFFSET >> 2;
/** A sleeper that was rung and does not wake up may have died before it heard: one in this many rings is sent again. */
const SKIPS = 1000;
/** Before sleepers are tried again that could not be rung, milliseconds; each pause is twice the one before. */
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 1000;

interface Connection {
  readonly nonce: bigint;
  readonly bell: Bell;
  /** Whether it was said that there is no bell of its name. */
  saidAbsent: boolean;
}

/** What is told of the bells. */
export interface DoorbellHooks {
  /** A ring was sent. */
  rung(): void;
  /** A bell proved the owner of the slot dead. */
  dead(slot: number): void;
  /** The owner of the slot has it still, and its bell is gone. Told once of each. */
  absent(slot: number): void;
}

/** The bells of a channel's participants, as one of them rings them. */
export class Doorbells {
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #table: ParticipantTable;
  readonly #hooks: DoorbellHooks;
  readonly #connections: (Connection | undefined)[] = [];
  /** The last sleep that each slot was rung in: a bell keeps ringing until its owner hears it, so once is enough. */
  readonly #rung: Int32Array;
  #skips = 0;
  /** Slots whose owners could not be rung, in which sleep; a timer tries again as long as that lasts. */
  readonly #unrung = new Map<number, number>();
  #timer: NodeJS.Timeout | undefined;
  #pause: number = FIRST_PAUSE_MS;

  constructor(memory: ChannelMemory, table: ParticipantTable, hooks: DoorbellHooks) {
    this.#words = memory.words;
    this.#table = table;
    this.#hooks = hooks;
    this.#rung = new Int32Array(table.count);
  }

  /** Opens the bells of the subscribers that are there, so that it is not left to the moment when they are to be rung. */
  connectToSubscribers(): void {
    const used = this.#table.used();
    for (let slot = 0; slot < used; slot++) {
      const state = this.#table.stateOf(slot);
      if (state === STATE_RELIABLE || state === STATE_LOSSY) this.#connectionTo(slot);
    }
  }

  /** Opens the bell of a slot's owner. */
  connectTo(slot: number, owner: PortAddress): void {
    this.#connectionTo(slot, owner);
  }

  /**
   * Rings the participants that sleep for frames. With the lock still held, after what they wait for has changed: a publisher
   * that dies before it rang leaves the lock held, and every sleeper hears of its death.
   */
  ringForFrames(): void {
    // SYNC: going to sleep. What changed was stored before this load; a subscriber counts itself before it looks.
    if (loadBehind(this.#words, SLEEPERS) !== 0) this.#ringAll(WANTS_FRAMES);
  }

  /** Rings the participants that wait for room. After a cursor moved. */
  ringForRoom(): void {
    // SYNC: waiting for room. The cursor was stored before this load; a publisher counts itself before it reads cursors.
    if (Atomics.load(this.#words, ROOM_WAITERS) !== 0) this.#ringAll(WANTS_ROOM);
  }

  /**
   * Rings the participants that want to know of joins and leaves. After the epoch was raised.
   *
   * @param ofPublisher says that it was a publisher that came or went, which participants that want its frames are to know, too.
   */
  ringForMembers(ofPublisher: boolean): void {
    // SYNC: going to sleep. The epoch was raised before these loads; who sleeps counts itself before it looks at that.
    if (Atomics.load(this.#words, MEMBER_WAITERS) !== 0) {
      this.#ringAll(ofPublisher ? WANTS_MEMBERS | WANTS_FRAMES : WANTS_MEMBERS);
    } else if (ofPublisher) {
      this.ringForFrames();
    }
  }

  /** Rings the participants that sleep for frames, also those that were rung, or could not be rung, in this sleep. */
  ringForFramesAgain(): void {
    this.#rung.fill(0);
    this.#unrung.clear();
    this.#ringAll(WANTS_FRAMES);
  }

  /** Rings the owner of a slot if it sleeps for frames. After what it is to look at has changed. */
  ringSleeper(slot: number): void {
    this.#ringIfAsleep(slot, WANTS_FRAMES);
  }

  /** Rings the owner of a slot, whether it sleeps or not. */
  ringAnyway(slot: number): void {
    this.#ring(slot, this.#table.sleepOf(slot));
  }

  close(): void {
    timers.clearTimeout(this.#timer);
    for (const connection of this.#connections) connection?.bell.close();
    this.#connections.length = 0;
  }

  #ringAll(wants: number): void {
    const used = this.#table.used();
    for (let slot = 0; slot < used; slot++) this.#ringIfAsleep(slot, wants);
  }

  #ringIfAsleep(slot: number, wants: number): void {
    const sleep = this.#table.sleepOf(slot);
    if (sleep === 0 || this.#unrung.get(slot) === sleep) return;
    if (sleep === this.#rung[slot] && ++this.#skips % SKIPS !== 0) return;
    if ((this.#table.wantsOf(slot) & wants) !== 0) this.#ring(slot, sleep);
  }

  #connectionTo(slot: number, address = this.#table.addressOf(slot)): Connection | undefined {
    const known = this.#connections[slot];
    if (address !== undefined && known?.nonce === address.nonce) return known;
    known?.bell.close();
    const connection = address && { nonce: address.nonce, bell: connectBell(address), saidAbsent: false };
    this.#connections[slot] = connection;
    return connection;
  }

  #ring(slot: number, sleep: number): void {
    const connection = this.#connectionTo(slot);
    if (connection === undefined) return;
    const outcome = connection.bell.ring();
    if (outcome === 'alive') {
      this.#rung[slot] = sleep;
      this.#hooks.rung();
      atStep?.('ring: sent');
    } else if (outcome === 'dead') {
      // Once is enough here, too.
      this.#rung[slot] = sleep;
      connection.bell.close();
      this.#connections[slot] = undefined;
      this.#hooks.dead(slot);
    } else {
      // INVARIANT: no lost wake-up. Who could not be rung, for want of a descriptor for one, is tried until it wakes up.
      this.#ringLater(slot, sleep);
      if (outcome === 'absent') this.#sayAbsent(slot, connection);
    }
  }

  /** A bell is removed after its owner's slots are free: so one that is gone before was removed by another participant. */
  #sayAbsent(slot: number, connection: Connection): void {
    if (connection.saidAbsent || !this.#table.isOwnedBy(slot, connection.nonce)) return;
    connection.saidAbsent = true;
    this.#hooks.absent(slot);
  }

  #ringLater(slot: number, sleep: number): void {
    this.#unrung.set(slot, sleep);
    if (this.#timer !== undefined) return;
    this.#timer = timers.setTimeout(() => this.#tryAgain(), this.#pause);
    this.#timer.unref();
    this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE_MS);
  }

  #tryAgain(): void {
    this.#timer = undefined;
    const slots = [...this.#unrung.keys()];
    this.#unrung.clear();
    for (const slot of slots) {
      const sleep = this.#table.sleepOf(slot);
      if (sleep !== 0) this.#ring(slot, sleep);
    }
    if (this.#unrung.size === 0) this.#pause = FIRST_PAUSE_MS;
  }
}
