import type { ChannelMemory } from './channel-memory.js';
import type { ChannelDefinition } from './definition.js';
import { diagnostics, type ParticipantDiagnostics } from './diagnostics.js';
import { ChannelError } from './errors.js';
import { ROOM_WAITERS_OFFSET } from './layout/header-layout.js';
import {
  STATE_DISCONNECTED,
  STATE_LOSSY,
  STATE_PUBLISHER,
  STATE_RELIABLE,
} from './layout/participant-layout.js';
import { Member } from './participants/member.js';
import { RingReader } from './ring/ring-reader.js';
import { atStep } from './steps.js';
import type { CloseReason, Gap, MessageMeta, Slow } from './subscriber-events.js';
import { DEFAULT_SLOW_AT, type Start, type SubscriberOptions } from './subscriber-options.js';

/** Messages may gather while less than this part of the ring is in use. */
const GATHERED_PART = 16;
/** A subscriber tells others how far it is after at most this many bytes, and this part of the ring. */
const CURSOR_STEP = 32 * 1024;
const CURSOR_STEP_PART = 16;
const ROOM_WAITERS = ROOM_WAITERS_OFFSET >> 2;

/** What a subscription tells its subscriber. */
export interface SubscriptionHooks {
  /** The bell was rung, for this subscription or another one of this thread. */
  rung(): void;
  gap(gap: Gap): void;
  slow(slow: Slow): void;
  /** Throws the error on when nobody takes it. */
  error(error: ChannelError): void;
  /** The subscription goes on; so nothing is thrown. */
  warning(error: ChannelError): void;
  /** The subscription cannot go on. */
  end(reason: CloseReason): void;
}

/** A subscriber's part in the protocol: it takes messages when asked, and sleeps when told. */
export class Subscription<T> {
  /** Set by the subscriber before anything else. */
  hooks: SubscriptionHooks = { rung() {}, gap() {}, slow() {}, error() {}, warning() {}, end() {} };
  readonly #definition: ChannelDefinition<T>;
  readonly #member: Member;
  readonly #reader: RingReader;
  readonly #reliable: boolean;
  /** Bytes behind which it is slow, and whether it was said. */
  readonly #slowFrom: number;
  #saidSlow = false;
  /** What was gone already where it was to begin; told with the first messages. */
  #goneAtStart: Gap | undefined;
  /** Position up to which the program has handled everything: what it has in hand is behind that. */
  #handled = 0;
  /** What others were told of {@link Subscription.handled}, and from how many bytes on they are told again. */
  #cursor = 0;
  readonly #cursorStep: number;
  /** Messages and bytes that were taken and not yet counted in shared memory. */
  #taken = 0;
  #takenBytes = 0;
  #epoch: number;
  #closedEpoch: number;
  /** Whether publishers may be gone since it last looked. */
  #mayForget = false;
  #open = true;

  /**
   * Joins the channel.
   *
   * @throws {@link ChannelError} `TOO_MANY_PARTICIPANTS`, `SEQUENCE_AHEAD` or `CORRUPTED`.
   */
  static async join<T>(
    definition: ChannelDefinition<T>,
    memory: ChannelMemory,
    options: SubscriberOptions,
    signal: AbortSignal,
  ): Promise<Subscription<T>> {
    const member = await Member.join(memory, options.name ?? '', [signal]);
    try {
      await member.lock.acquire([signal]);
      let subscription: Subscription<T>;
      try {
        subscription = new Subscription(definition, member, options);
      } finally {
        member.lock.release();
      }
      // Without the lock: it runs code of the program.
      diagnostics.open.publish(subscription.#self());
      return subscription;
    } catch (error) {
      member.leave();
      throw error;
    }
  }

  /** With the lock held, so that no publisher works with a minimum that leaves this cursor out. */
  private constructor(definition: ChannelDefinition<T>, member: Member, options: SubscriberOptions) {
    this.#definition = definition;
    this.#member = member;
    this.#reliable = options.mode !== 'lossy';
    this.#reader = new RingReader(member.memory);
    const { history, ringCapacity } = member.memory.geometry;
    this.#slowFrom = (options.slowAt ?? DEFAULT_SLOW_AT) * ringCapacity;
    this.#cursorStep = Math.min(CURSOR_STEP, ringCapacity / CURSOR_STEP_PART);
    this.#begin(options.start ?? (history > 0 ? 'history' : 'latest'), history);
    this.#cursor = this.#handled = this.#reader.position;
    member.table.storeCursor(member.slot, this.#cursor);
    atStep?.('join: cursor stored');
    member.activate(this.#reliable ? STATE_RELIABLE : STATE_LOSSY);
    this.#epoch = member.epoch();
    this.#closedEpoch = member.closedEpoch();
    member.watchOver(STATE_PUBLISHER);
    member.port.ref();
    member.onRing = () => this.hooks.rung();
    member.onNamesRemoved = (error) => this.hooks.warning(error);
  }

  /** Goes to where the subscription begins. With the lock held. */
  #begin(start: Start, history: number): void {
    const reader = this.#reader;
    if (reader.seekTail() === 'corrupted') throw this.#corrupted();
    const next = reader.expected;
    const first = firstWanted(start, next, history);
    if (first > next) {
      const text = `it was to begin after message ${first - 1}; the last one published is ${next - 1}`;
      throw new ChannelError('SEQUENCE_AHEAD', this.#definition.name, text);
    }
    reader.first = first;
    if (first < next && reader.seekHead() === 'corrupted') throw this.#corrupted();
    const owesAll = typeof start === 'object';
    reader.owedFrom = owesAll ? 0 : reader.position;
    const count = reader.expected - first;
    if (owesAll && count > 0) this.#goneAtStart = { from: first, to: reader.expected - 1, count };
  }

  #self(): ParticipantDiagnostics {
    const { name } = this.#definition;
    return { channel: name, role: this.#reliable ? 'reliable' : 'lossy', slot: this.#member.slot };
  }

  /** Position up to which the program has handled everything. */
  get handled(): number {
    return this.#handled;
  }

  /** Whether the last turn found so little of the ring in use that more may gather. */
  get hasRoom(): boolean {
    return this.#reader.backlog * GATHERED_PART <= this.#member.memory.geometry.ringCapacity;
  }

  /** Position up to which messages are committed now. */
  committed(): number {
    return this.#reader.loadTail();
  }

  /** Number of the last message that was read. */
  get lastRead(): number {
    return this.#reader.sequence;
  }

  /** Whether something is there to take at one of so many looks. */
  lookFor(times: number): boolean {
    const { position } = this.#reader;
    for (let looks = 0; looks < times; looks++) if (this.#reader.loadTail() !== position) return true;
    return false;
  }

  ref(): void {
    this.#member.port.ref();
  }

  unref(): void {
    this.#member.port.unref();
  }

  /** What is new about the channel's publishers; to be asked before taking what they published. */
  closedNews(): { readonly epoch: number; readonly reason: 'closed' | 'lost' } | undefined {
    const epoch = this.#member.closedEpoch();
    return epoch === this.#closedEpoch ? undefined : { epoch, reason: this.#member.closedReason() };
  }

  /** Whether the channel has a publisher. Stale on arrival. */
  hasPublisher(): boolean {
    const { table } = this.#member;
    const used = table.used();
    for (let slot = 0; slot < used; slot++) if (table.stateOf(slot) === STATE_PUBLISHER) return true;
    return false;
  }

  acknowledgeClosed(epoch: number): void {
    this.#closedEpoch = epoch;
  }

  /**
   * Takes messages that are committed, at most `limit`; returns how many were delivered. Asking for more says that all
   * before was handled.
   *
   * @param deliver returns whether to go on.
   * @param keepsLast says that the last message is handled only when {@link Subscription.finishHand} or `take` is called
   * again. Defaults to false: a message is handled when `deliver` has returned, or thrown.
   */
  take(deliver: (value: T, meta: MessageMeta) => boolean, limit: number, keepsLast = false): number {
    const reader = this.#reader;
    let taken = 0;
    this.#handled = reader.position;
    reader.backlog = 0;
    this.#lookForPublishers();
    this.#tellWhatWasGone();
    try {
      while (taken < limit && this.#open) {
        const outcome = reader.read();
        let goesOn = true;
        if (outcome === 'message') {
          const delivered = this.#deliver(deliver);
          if (delivered !== 'undecodable') {
            taken++;
            goesOn = delivered === 'next';
          }
        } else if (outcome === 'empty') {
          this.#forgetUnfinished();
          break;
        } else if (outcome !== 'part') {
          this.#onTrouble(outcome);
        }
        if (!this.#open || (keepsLast && taken === limit)) break;
        this.#handled = reader.position;
        if (!goesOn) break;
        if (this.#isDue()) this.#storeCursor();
      }
    } catch (error) {
      // What it threw on counts as taken.
      this.#handled = reader.position;
      throw error;
    } finally {
      if (this.#open && (!keepsLast || taken < limit || this.#isDue())) this.#storeCursor();
    }
    if (this.#open) this.#tellWhenSlow();
    return taken;
  }

  /** The program has handled what was delivered last. */
  finishHand(): void {
    this.#handled = this.#reader.position;
    this.#storeCursor();
  }

  #deliver(deliver: (value: T, meta: MessageMeta) => boolean): 'next' | 'enough' | 'undecodable' {
    const { payload, start, end, sequence, timestamp, publisher } = this.#reader;
    this.#taken++;
    this.#takenBytes += end - start;
    let value: T;
    try {
      value = this.#definition.codec.decode(payload, start, end);
    } catch (error) {
      const text = `message ${sequence} cannot be decoded: ${error instanceof Error ? error.message : String(error)}`;
      this.hooks.error(new ChannelError('UNDECODABLE', this.#definition.name, text, { cause: error }));
      return 'undecodable';
    }
    return deliver(value, { sequence, timestamp, publisher }) ? 'next' : 'enough';
  }

  #tellWhatWasGone(): void {
    const gap = this.#goneAtStart;
    this.#goneAtStart = undefined;
    if (gap !== undefined) this.#tellGap(gap);
  }

  #tellGap(gap: Gap): void {
    this.#member.counters.countMissed(gap.count);
    if (diagnostics.gap.hasSubscribers) diagnostics.gap.publish({ ...this.#self(), ...gap });
    this.hooks.gap(gap);
  }

  #tellWhenSlow(): void {
    const { backlog } = this.#reader;
    if (backlog < this.#slowFrom) {
      if (this.#saidSlow && backlog < this.#slowFrom / 2) this.#saidSlow = false;
      return;
    }
    if (this.#saidSlow) return;
    this.#saidSlow = true;
    const slow = { lag: backlog, capacity: this.#member.memory.geometry.ringCapacity };
    if (diagnostics.slow.hasSubscribers) diagnostics.slow.publish({ ...this.#self(), ...slow });
    this.hooks.slow(slow);
  }

  /** Publishers that joined are watched over, so that their death is heard of. */
  #lookForPublishers(): void {
    const epoch = this.#member.epoch();
    if (epoch === this.#epoch) return;
    this.#epoch = epoch;
    this.#member.watchOver(STATE_PUBLISHER);
    this.#mayForget = true;
  }

  /** Forgets what publishers began that are gone by now: all that they committed was read. */
  #forgetUnfinished(): void {
    if (!this.#mayForget) return;
    this.#mayForget = false;
    const { table } = this.#member;
    this.#reader.forgetUnless(
      (slot, generation) =>
        slot < table.count &&
        table.stateOf(slot) === STATE_PUBLISHER &&
        table.generationOf(slot) === generation,
    );
  }

  #isDisconnected(): boolean {
    return this.#member.table.stateOf(this.#member.slot) === STATE_DISCONNECTED;
  }

  /** Whether others should hear how far it is: a plain load will do, which sees at some time that a publisher waits. */
  #isDue(): boolean {
    const behind = this.#handled - this.#cursor;
    if (behind >= this.#cursorStep) return true;
    return behind > 0 && this.#reliable && this.#member.memory.words[ROOM_WAITERS] !== 0;
  }

  #storeCursor(): void {
    const { table, slot } = this.#member;
    if (this.#taken > 0) {
      this.#member.counters.countFrames(this.#taken, this.#takenBytes);
      this.#taken = this.#takenBytes = 0;
    }
    if (!this.#member.ownsSlot()) {
      this.#loseSlot();
      return;
    }
    if (this.#isDisconnected()) {
      this.hooks.end('disconnected');
      return;
    }
    if (this.#handled === this.#cursor) return;
    this.#cursor = this.#handled;
    table.storeCursor(slot, this.#cursor);
    atStep?.('read: cursor stored');
    if (this.#reliable) this.#member.ringPublishers();
  }

  #loseSlot(): void {
    const text = `its slot, ${this.#member.slot}, is somebody else's`;
    try {
      this.hooks.error(new ChannelError('CORRUPTED', this.#definition.name, text));
    } finally {
      this.hooks.end('corrupted');
    }
  }

  #onTrouble(outcome: 'lapped' | 'corrupted'): void {
    if (this.#isDisconnected()) {
      this.hooks.end('disconnected');
      return;
    }
    const reader = this.#reader;
    const from = Math.max(reader.expected, reader.first);
    if (outcome === 'corrupted') {
      const error = this.#corrupted();
      const goesOn = reader.skipToTail() === 'lapped';
      try {
        this.hooks.error(error);
      } finally {
        if (!goesOn) this.hooks.end('corrupted');
      }
      // Its program may have closed it because of the error.
      if (!this.#open) return;
    }
    reader.expected = reader.sequence;
    const count = reader.sequence - from;
    if (count > 0) this.#tellGap({ from, to: reader.sequence - 1, count });
  }

  #corrupted(): ChannelError {
    return new ChannelError('CORRUPTED', this.#definition.name, this.#reader.problem);
  }

  /** `asleep` when the bell will ring for the next message, `locked` when a publisher is at work, `news` otherwise. */
  fallAsleep(): 'asleep' | 'locked' | 'news' {
    const { table, slot, lock } = this.#member;
    // SYNC: going to sleep. Counted and flagged before this looks; a publisher stores the tail, then rings, then releases.
    table.fallAsleep(slot);
    const locked = lock.isHeld();
    const news =
      this.#reader.loadTail() !== this.#reader.position ||
      this.#member.epoch() !== this.#epoch ||
      this.#member.closedEpoch() !== this.#closedEpoch;
    if (!locked && !news) return 'asleep';
    table.wakeUp(slot);
    return news ? 'news' : 'locked';
  }

  /** Frees the publisher lock when its holder is proved dead; nobody else might come to do so. */
  recover(): void {
    const { lock } = this.#member;
    if (lock.takeOver()) lock.release();
  }

  /** Whether it waits for the bell. */
  get isAsleep(): boolean {
    return this.#member.table.sleepOf(this.#member.slot) !== 0;
  }

  /** Ends the sleep, if it sleeps. */
  wakeUp(): void {
    this.#member.table.wakeUp(this.#member.slot);
  }

  leave(): void {
    if (!this.#open) return;
    this.#open = false;
    diagnostics.close.publish(this.#self());
    this.#member.leave();
  }

  /** Settled when nothing is left to do after it left. */
  get left(): Promise<void> {
    return this.#member.memory.closed;
  }
}

/** Number of the first message that is wanted. */
function firstWanted(start: Start, next: number, history: number): number {
  if (typeof start === 'object') return start.after + 1;
  if (start === 'latest') return next;
  return start === 'earliest' ? 0 : Math.max(0, next - history);
}
