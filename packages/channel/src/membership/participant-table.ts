import { copyIn, copyOut, fillShared, type PortAddress, type SharedBytes } from '@mmfbus/core/internal';
import * as header from '../format/header-layout.js';
import { SLOTS_USED_OFFSET } from '../format/header-layout.js';
import * as slotLayout from '../format/participant-layout.js';
import { readLong, storeLong, writeLong } from '../format/words.js';
import { monotonicNow } from '../foundation/clock.js';
import { atStep } from '../foundation/steps.js';
import { showableText } from '../foundation/text.js';
import type { ChannelMemory } from './channel-memory.js';

const WORD_SHIFT = 2;
const LONG_SHIFT = 3;
const SLEEPERS = header.SLEEPERS_OFFSET >> WORD_SHIFT;
const ROOM_WAITERS = header.ROOM_WAITERS_OFFSET >> WORD_SHIFT;
const MEMBER_WAITERS = header.MEMBER_WAITERS_OFFSET >> WORD_SHIFT;
const UNKNOWN = { pid: 0, startTime: 0n, pidNamespace: 0n, threadId: 0, threadStartTime: 0n };

/** How a participation in a slot ended. */
export interface ParticipationEnd {
  readonly generation: number;
  readonly how: 'left' | 'died';
}

/**
 * The table of participants. A slot is claimed by one compare-exchange of its nonce: from 0 when it is free, or from the
 * nonce of an owner that is proved dead.
 */
export class ParticipantTable {
  readonly count: number;
  readonly #words: Int32Array<ArrayBuffer>;
  readonly #longs: BigInt64Array<ArrayBuffer>;
  readonly #bytes: SharedBytes;

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

  /** Whether the slot is free. */
  isFree(slot: number): boolean {
    return this.isOwnedBy(slot, 0n);
  }

  /** Whether the port of that nonce was the last owner of the slot that has said who it is, and may own it still. */
  isIdentifiedBy(slot: number, nonce: bigint): boolean {
    return this.#loadLong(slot, slotLayout.IDENTITY_NONCE_OFFSET) === nonce;
  }

  /** Whether the slot belongs to the port of that nonce. */
  isOwnedBy(slot: number, nonce: bigint): boolean {
    return this.#loadLong(slot, slotLayout.NONCE_OFFSET) === nonce;
  }

  /**
   * The same, and that it was not claimed anew meanwhile; for its owner, who asks with every message: by plain loads.
   *
   * @param nonce as two words, the low one first.
   */
  isStillOwnedBy(slot: number, nonce: Int32Array, generation: number): boolean {
    const words = this.#words;
    const word = this.#offsetOf(slot, slotLayout.NONCE_OFFSET) >> WORD_SHIFT;
    return (
      words[word] === nonce[0] &&
      words[word + 1] === nonce[1] &&
      (words[this.#offsetOf(slot, slotLayout.GENERATION_OFFSET) >> WORD_SHIFT] as number) >>> 0 === generation
    );
  }

  /** Who has the slot; undefined when it is free. Without who that is while its owner is still writing it. */
  addressOf(slot: number): PortAddress | undefined {
    const nonce = this.#loadLong(slot, slotLayout.NONCE_OFFSET);
    if (nonce === 0n) return undefined;
    const named = this.#loadLong(slot, slotLayout.IDENTITY_NONCE_OFFSET) === nonce;
    const identity = {
      pid: this.#loadWord(slot, slotLayout.PID_OFFSET) >>> 0,
      startTime: BigInt.asUintN(64, this.#loadLong(slot, slotLayout.START_TIME_OFFSET)),
      pidNamespace: BigInt.asUintN(64, this.#loadLong(slot, slotLayout.PID_NAMESPACE_OFFSET)),
      threadId: this.#loadWord(slot, slotLayout.THREAD_ID_OFFSET) >>> 0,
      threadStartTime: BigInt.asUintN(64, this.#loadLong(slot, slotLayout.THREAD_START_TIME_OFFSET)),
    };
    // SYNC: identity written. The fields are those of this owner when both nonces were the same before and after.
    const still =
      this.#loadLong(slot, slotLayout.IDENTITY_NONCE_OFFSET) === nonce &&
      this.#loadLong(slot, slotLayout.NONCE_OFFSET) === nonce;
    return { nonce, ...(named && still ? identity : UNKNOWN) };
  }

  /**
   * Claims the slot when its nonce is `expected`. Its state and cursor stay as its last owner left them.
   *
   * @param expected 0 for a free slot, or the nonce of an owner that is proved dead.
   */
  tryClaim(slot: number, expected: bigint, owner: PortAddress): boolean {
    const nonceIndex = this.#longIndex(slot, slotLayout.NONCE_OFFSET);
    // INVARIANT: a slot has one owner. No other participant writes to it until the owner leaves or is proved dead.
    if (Atomics.compareExchange(this.#longs, nonceIndex, expected, owner.nonce) !== expected) return false;
    atStep?.('claim: nonce stored');
    const generation = this.generationOf(slot);
    const next = generation >= slotLayout.MAX_GENERATION ? 1 : generation + 1;
    this.#storeWord(slot, slotLayout.GENERATION_OFFSET, next);
    atStep?.('claim: generation raised');
    this.#raiseUsed(slot + 1);
    atStep?.('claim: counted');
    // Before the fields, so that the nonce of an earlier owner never stands beside the pid of a later one.
    this.#storeLong(slot, slotLayout.IDENTITY_NONCE_OFFSET, 0n);
    atStep?.('claim: identity cleared');
    const counters = this.#offsetOf(slot, slotLayout.MESSAGES_OFFSET);
    fillShared(this.#bytes, 0, counters, this.#offsetOf(slot, slotLayout.PARTICIPANT_LENGTH));
    this.#storeWord(slot, slotLayout.PID_OFFSET, owner.pid);
    this.#storeLong(slot, slotLayout.START_TIME_OFFSET, owner.startTime);
    this.#storeLong(slot, slotLayout.PID_NAMESPACE_OFFSET, owner.pidNamespace);
    this.#storeWord(slot, slotLayout.THREAD_ID_OFFSET, owner.threadId);
    this.#storeLong(slot, slotLayout.THREAD_START_TIME_OFFSET, owner.threadStartTime);
    this.#storeLong(slot, slotLayout.JOINED_AT_OFFSET, BigInt(monotonicNow()));
    this.#storeWord(slot, slotLayout.PHASE_OFFSET, 0);
    this.#storeLong(slot, slotLayout.DONE_OFFSET, 0n);
    this.#storeLong(slot, slotLayout.DETAIL_OFFSET, 0n);
    // SYNC: identity written. Last, so that no reader takes the old owner's pid for the new owner's.
    this.#storeLong(slot, slotLayout.IDENTITY_NONCE_OFFSET, owner.nonce);
    atStep?.('claim: identity written');
    return true;
  }

  /** Frees the slot when its nonce is still that one. What else it holds stays, for the next owner. */
  release(slot: number, nonce: bigint): boolean {
    const index = this.#longIndex(slot, slotLayout.NONCE_OFFSET);
    if (Atomics.compareExchange(this.#longs, index, nonce, 0n) !== nonce) return false;
    atStep?.('leave: nonce cleared');
    return true;
  }

  generationOf(slot: number): number {
    return this.#loadWord(slot, slotLayout.GENERATION_OFFSET) >>> 0;
  }

  /** Of the owner before the present one. */
  generationBefore(slot: number): number {
    const generation = this.generationOf(slot);
    return generation <= 1 ? slotLayout.MAX_GENERATION : generation - 1;
  }

  stateOf(slot: number): number {
    return this.#loadWord(slot, slotLayout.STATE_OFFSET);
  }

  /** Whether a subscriber is one no longer; for its owner, who asks with every message: by a plain load. */
  isDisconnected(slot: number): boolean {
    const word = this.#offsetOf(slot, slotLayout.STATE_OFFSET) >> WORD_SHIFT;
    return this.#words[word] === slotLayout.STATE_DISCONNECTED;
  }

  storeState(slot: number, state: number): void {
    this.#storeWord(slot, slotLayout.STATE_OFFSET, state);
  }

  /** Tells a reliable subscriber that it is one no longer. With the lock held. */
  disconnect(slot: number, reason: number): void {
    this.#storeWord(slot, slotLayout.DISCONNECT_REASON_OFFSET, reason);
    atStep?.('disconnect: reason stored');
    const index = this.#offsetOf(slot, slotLayout.STATE_OFFSET) >> WORD_SHIFT;
    // It may leave at this moment, and another participant take the slot.
    Atomics.compareExchange(this.#words, index, slotLayout.STATE_RELIABLE, slotLayout.STATE_DISCONNECTED);
    atStep?.('disconnect: state stored');
  }

  /** Not to be trusted: each reader checks it. */
  cursorOf(slot: number): number {
    return Number(this.#loadLong(slot, slotLayout.CURSOR_OFFSET));
  }

  /** What changes when a reliable subscriber moves on, comes or goes: a hint, and cheap. */
  reliableCursors(): number {
    const used = this.used();
    let sum = 0;
    for (let slot = 0; slot < used; slot++) {
      if (this.stateOf(slot) === slotLayout.STATE_RELIABLE)
        sum += this.#loadWord(slot, slotLayout.CURSOR_OFFSET) + 1;
    }
    return sum;
  }

  storeCursor(slot: number, position: number): void {
    storeLong(this.#words, this.#longs, this.#longIndex(slot, slotLayout.CURSOR_OFFSET), position);
  }

  /** What the owner, as a server, does; 0 in a channel. */
  phaseOf(slot: number): number {
    return this.#loadWord(slot, slotLayout.PHASE_OFFSET);
  }

  storePhase(slot: number, phase: number): void {
    this.#storeWord(slot, slotLayout.PHASE_OFFSET, phase);
  }

  /** What the owner, as a server, says of itself; 0 in a channel. */
  detailOf(slot: number): bigint {
    return this.#loadLong(slot, slotLayout.DETAIL_OFFSET);
  }

  storeDetail(slot: number, detail: bigint): void {
    this.#storeLong(slot, slotLayout.DETAIL_OFFSET, detail);
  }

  /** How much the owner, as a server, is done with. A hint: it may be half of an old and half of a new number. */
  doneOf(slot: number): number {
    return readLong(this.#words, this.#offsetOf(slot, slotLayout.DONE_OFFSET) >> WORD_SHIFT);
  }

  storeDone(slot: number, done: number): void {
    writeLong(this.#words, this.#offsetOf(slot, slotLayout.DONE_OFFSET) >> WORD_SHIFT, done);
  }

  /** Number of the sleep that the slot's owner is in; 0 when it is awake. */
  sleepOf(slot: number): number {
    return this.#loadWord(slot, slotLayout.ASLEEP_OFFSET);
  }

  /** What the slot's owner sleeps for. */
  wantsOf(slot: number): number {
    return this.#loadWord(slot, slotLayout.WANTS_OFFSET);
  }

  /**
   * Counts the owner among the sleepers for that, then says so, and then sets its flag: counts err high, never low.
   *
   * @param added what it did not sleep for before.
   * @param wants all that it sleeps for.
   */
  fallAsleep(slot: number, added: number, wants: number): void {
    const sleep = (this.#loadWord(slot, slotLayout.SLEEPS_OFFSET) + 1) | 0 || 1;
    // INVARIANT: sleepers are counted. A participant that sees no count rings no bell, so no flag is set without one.
    this.#count(added, 1);
    atStep?.('sleep: counted');
    this.#storeWord(slot, slotLayout.WANTS_OFFSET, wants);
    atStep?.('sleep: wants stored');
    this.#storeWord(slot, slotLayout.SLEEPS_OFFSET, sleep);
    atStep?.('sleep: numbered');
    this.#storeWord(slot, slotLayout.ASLEEP_OFFSET, sleep);
    atStep?.('sleep: flagged');
  }

  /**
   * Clears the flag where nothing is left to sleep for, then the counts.
   *
   * @param ended what it sleeps for no more.
   * @param left what it sleeps for still.
   */
  wakeUp(slot: number, ended: number, left: number): void {
    if (left === 0) this.#storeWord(slot, slotLayout.ASLEEP_OFFSET, 0);
    else this.#storeWord(slot, slotLayout.WANTS_OFFSET, left);
    atStep?.('wake: flag cleared');
    this.#count(ended, -1);
    atStep?.('wake: counted out');
  }

  /** Ends the sleep of an owner that is dead. With the lock held. */
  endSleep(slot: number): void {
    if (this.sleepOf(slot) !== 0) this.wakeUp(slot, this.wantsOf(slot), 0);
  }

  /** How the last participation in the slot ended that had a role; undefined where none has. */
  lastEndOf(slot: number): ParticipationEnd | undefined {
    const end = this.#loadWord(slot, slotLayout.LAST_END_OFFSET) >>> 0;
    const generation = end >>> slotLayout.END_BITS;
    const how = end & ((1 << slotLayout.END_BITS) - 1);
    if (how === slotLayout.ENDED_BY_LEAVING) return { generation, how: 'left' };
    return how === slotLayout.ENDED_BY_DEATH ? { generation, how: 'died' } : undefined;
  }

  storeLastEnd(slot: number, generation: number, how: number): void {
    this.#storeWord(slot, slotLayout.LAST_END_OFFSET, (generation << slotLayout.END_BITS) | how);
  }

  /** The owner's name; control characters as escapes. */
  nameOf(slot: number): string {
    const offset = this.#offsetOf(slot, slotLayout.NAME_OFFSET);
    return showableText(copyOut(this.#bytes, offset, offset + slotLayout.NAME_LENGTH));
  }

  /** Writes the owner's name, cut at a whole character. */
  storeName(slot: number, name: string): void {
    const bytes = new Uint8Array(slotLayout.NAME_LENGTH);
    new TextEncoder().encodeInto(name, bytes);
    copyIn(bytes, this.#bytes, this.#offsetOf(slot, slotLayout.NAME_OFFSET));
  }

  #count(wants: number, one: 1 | -1): void {
    if ((wants & slotLayout.WANTS_FRAMES) !== 0) Atomics.add(this.#words, SLEEPERS, one);
    if ((wants & slotLayout.WANTS_ROOM) !== 0) Atomics.add(this.#words, ROOM_WAITERS, one);
    if ((wants & slotLayout.WANTS_MEMBERS) !== 0) Atomics.add(this.#words, MEMBER_WAITERS, one);
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
