import type { PortAddress } from '@mmfbus/core';
import type { ChannelMemory } from '../channel-memory.js';
import { now } from '../clock.js';
import * as header from '../layout/header-layout.js';
import { SLOTS_USED_OFFSET } from '../layout/header-layout.js';
import * as slotLayout from '../layout/participant-layout.js';

const WORD_SHIFT = 2;
const LONG_SHIFT = 3;

/**
 * The table of participants. A slot is claimed by one compare-exchange of its nonce: from 0 when it is free, or from the
 * nonce of an owner that is proved dead.
 */
export class ParticipantTable {
  readonly count: number;
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #longs: BigInt64Array<ArrayBuffer>;
  readonly #bytes: Uint8Array<ArrayBuffer>;

  constructor(memory: ChannelMemory) {
    this.count = memory.geometry.participantCount;
    this.#words = memory.words;
    this.#longs = memory.longs;
    this.#bytes = memory.bytes;
  }

  /** One more than the highest slot that was ever claimed. It may have grown on arrival. */
  used(): number {
    const used = Atomics.load(this.#words, SLOTS_USED_OFFSET >> WORD_SHIFT) >>> 0;
    return Math.min(used, this.count);
  }

  /** Who has the slot; undefined when it is free. Without the pid while its owner is still writing it. */
  addressOf(slot: number): PortAddress | undefined {
    const nonce = this.#loadLong(slot, slotLayout.NONCE_OFFSET);
    if (nonce === 0n) return undefined;
    const named = this.#loadLong(slot, slotLayout.IDENTITY_NONCE_OFFSET) === nonce;
    const identity = {
      pid: this.#loadWord(slot, slotLayout.PID_OFFSET) >>> 0,
      startTime: BigInt.asUintN(64, this.#loadLong(slot, slotLayout.START_TIME_OFFSET)),
      pidNamespace: BigInt.asUintN(64, this.#loadLong(slot, slotLayout.PID_NAMESPACE_OFFSET)),
    };
    // SYNC: identity written. The fields are those of this owner when both nonces were the same before and after.
    const still =
      this.#loadLong(slot, slotLayout.IDENTITY_NONCE_OFFSET) === nonce &&
      this.#loadLong(slot, slotLayout.NONCE_OFFSET) === nonce;
    return named && still ? { nonce, ...identity } : { nonce, pid: 0, startTime: 0n, pidNamespace: 0n };
  }

  /**
   * Claims the slot when its nonce is `expected`. Its state and cursor stay as its last owner left them.
   *
   * @param expected 0 for a free slot, or the nonce of an owner that is proved dead.
   */
  tryClaim(slot: number, expected: bigint, owner: PortAddress): boolean {
    // INVARIANT: a slot has one owner. Nobody else writes to it until the owner leaves or is proved dead.
    const nonceIndex = this.#longIndex(slot, slotLayout.NONCE_OFFSET);
    if (Atomics.compareExchange(this.#longs, nonceIndex, expected, owner.nonce) !== expected) return false;
    const generation = this.generationOf(slot);
    const next = generation >= slotLayout.MAX_GENERATION ? 1 : generation + 1;
    this.#storeWord(slot, slotLayout.GENERATION_OFFSET, next);
    this.#raiseUsed(slot + 1);
    this.#storeWord(slot, slotLayout.PID_OFFSET, owner.pid);
    this.#storeLong(slot, slotLayout.START_TIME_OFFSET, owner.startTime);
    this.#storeLong(slot, slotLayout.PID_NAMESPACE_OFFSET, owner.pidNamespace);
    this.#storeLong(slot, slotLayout.JOINED_AT_OFFSET, BigInt(now()));
    // SYNC: identity written. Last, so that nobody takes the old owner's pid for the new owner's.
    this.#storeLong(slot, slotLayout.IDENTITY_NONCE_OFFSET, owner.nonce);
    return true;
  }

  /** Frees a slot of one's own. */
  release(slot: number): void {
    // First, so that a later owner with the same port never has its nonce beside the pid of one in between.
    this.#storeLong(slot, slotLayout.IDENTITY_NONCE_OFFSET, 0n);
    this.#storeLong(slot, slotLayout.NONCE_OFFSET, 0n);
  }

  generationOf(slot: number): number {
    return this.#loadWord(slot, slotLayout.GENERATION_OFFSET) >>> 0;
  }

  stateOf(slot: number): number {
    return this.#loadWord(slot, slotLayout.STATE_OFFSET);
  }

  storeState(slot: number, state: number): void {
    this.#storeWord(slot, slotLayout.STATE_OFFSET, state);
  }

  /** Not to be trusted: whoever reads it checks it. */
  cursorOf(slot: number): number {
    return Number(this.#loadLong(slot, slotLayout.CURSOR_OFFSET));
  }

  storeCursor(slot: number, position: number): void {
    this.#storeLong(slot, slotLayout.CURSOR_OFFSET, BigInt(position));
  }

  /** Number of the sleep that the slot's owner is in; 0 when it is awake. */
  sleepOf(slot: number): number {
    return this.#loadWord(slot, slotLayout.ASLEEP_OFFSET);
  }

  /** Counts the owner among the sleepers, then sets its flag: the count errs high, never low. */
  fallAsleep(slot: number): void {
    // INVARIANT: sleepers are counted. Whoever sees no count rings nobody, so no flag is set without one.
    const sleep = (this.#loadWord(slot, slotLayout.SLEEPS_OFFSET) + 1) | 0 || 1;
    Atomics.add(this.#words, this.#sleepCounter(slot), 1);
    this.#storeWord(slot, slotLayout.SLEEPS_OFFSET, sleep);
    this.#storeWord(slot, slotLayout.ASLEEP_OFFSET, sleep);
  }

  /** Clears the flag, then the count. Nothing when it is awake. */
  wakeUp(slot: number): void {
    if (this.sleepOf(slot) === 0) return;
    this.#storeWord(slot, slotLayout.ASLEEP_OFFSET, 0);
    Atomics.sub(this.#words, this.#sleepCounter(slot), 1);
  }

  /** Writes the owner's name, cut at a whole character. */
  storeName(slot: number, name: string): void {
    const offset = this.#offsetOf(slot, slotLayout.NAME_OFFSET);
    const target = this.#bytes.subarray(offset, offset + slotLayout.NAME_LENGTH);
    target.fill(0);
    new TextEncoder().encodeInto(name, target);
  }

  #sleepCounter(slot: number): number {
    const publisher = this.stateOf(slot) === slotLayout.STATE_PUBLISHER;
    return (publisher ? header.ROOM_WAITERS_OFFSET : header.SLEEPERS_OFFSET) >> WORD_SHIFT;
  }

  #raiseUsed(used: number): void {
    const index = SLOTS_USED_OFFSET >> WORD_SHIFT;
    for (;;) {
      const current = Atomics.load(this.#words, index);
      if (current >>> 0 >= used || Atomics.compareExchange(this.#words, index, current, used) === current)
        return;
    }
  }

  #offsetOf(slot: number, offset: number): number {
    return header.HEADER_LENGTH + slot * slotLayout.PARTICIPANT_LENGTH + offset;
  }

  #longIndex(slot: number, offset: number): number {
    return this.#offsetOf(slot, offset) >> LONG_SHIFT;
  }

  #loadWord(slot: number, offset: number): number {
    return Atomics.load(this.#words, this.#offsetOf(slot, offset) >> WORD_SHIFT);
  }

  #storeWord(slot: number, offset: number, value: number): void {
    Atomics.store(this.#words, this.#offsetOf(slot, offset) >> WORD_SHIFT, value);
  }

  #loadLong(slot: number, offset: number): bigint {
    return Atomics.load(this.#longs, this.#longIndex(slot, offset));
  }

  #storeLong(slot: number, offset: number, value: bigint): void {
    Atomics.store(this.#longs, this.#longIndex(slot, offset), value);
  }
}
