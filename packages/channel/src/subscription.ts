import type { ChannelMemory } from './channel-memory.js';
import type { ChannelDefinition } from './definition.js';
import { ChannelError } from './errors.js';
import {
  STATE_DISCONNECTED,
  STATE_LOSSY,
  STATE_PUBLISHER,
  STATE_RELIABLE,
} from './layout/participant-layout.js';
import { Member } from './participants/member.js';
import { RingReader } from './ring/ring-reader.js';
import type { CloseReason, Gap, MessageMeta } from './subscriber-events.js';
import type { SubscriberOptions } from './subscriber-options.js';

/** A reliable subscriber tells publishers how far it is after at most this many bytes. */
const CURSOR_STEP = 32 * 1024;

/** What a subscription tells its subscriber. */
export interface SubscriptionHooks {
  /** The bell was rung, for this subscription or another one of this thread. */
  rung(): void;
  gap(gap: Gap): void;
  /** Throws the error on when nobody takes it. */
  error(error: ChannelError): void;
  /** The subscription cannot go on. */
  end(reason: CloseReason): void;
}

/** A subscriber's part in the protocol: it takes messages when asked, and sleeps when told. */
export class Subscription<T> {
  /** Set by the subscriber before anything else. */
  hooks: SubscriptionHooks = { rung() {}, gap() {}, error() {}, end() {} };
  readonly #definition: ChannelDefinition<T>;
  readonly #member: Member;
  readonly #reader: RingReader;
  readonly #reliable: boolean;
  #cursor = 0;
  #epoch: number;
  #closedEpoch: number;
  #open = true;

  /**
   * Joins the channel; the first message it takes is the next one published.
   *
   * @throws {@link ChannelError} `TOO_MANY_PARTICIPANTS` or `CORRUPTED`.
   */
  static async join<T>(
    definition: ChannelDefinition<T>,
    memory: ChannelMemory,
    options: SubscriberOptions,
  ): Promise<Subscription<T>> {
    const member = await Member.join(memory, options.name ?? '');
    try {
      await member.lock.acquire();
      try {
        return new Subscription(definition, member, options.mode !== 'lossy');
      } finally {
        member.lock.release();
      }
    } catch (error) {
      member.leave();
      throw error;
    }
  }

  /** With the lock held, so that no publisher works with a minimum that leaves this cursor out. */
  private constructor(definition: ChannelDefinition<T>, member: Member, reliable: boolean) {
    this.#definition = definition;
    this.#member = member;
    this.#reliable = reliable;
    this.#reader = new RingReader(member.memory);
    if (this.#reader.seekTail() === 'corrupted') throw this.#corrupted();
    this.#cursor = this.#reader.position;
    member.table.storeCursor(member.slot, this.#cursor);
    member.activate(reliable ? STATE_RELIABLE : STATE_LOSSY);
    this.#epoch = member.epoch();
    this.#closedEpoch = member.closedEpoch();
    member.watchOver(STATE_PUBLISHER);
    member.port.ref();
    member.onRing = () => this.hooks.rung();
  }

  /** Position up to which everything was taken. */
  get position(): number {
    return this.#reader.position;
  }

  /** Position up to which messages are committed now. */
  committed(): number {
    return this.#reader.loadTail();
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

  acknowledgeClosed(epoch: number): void {
    this.#closedEpoch = epoch;
  }

  /**
   * Takes messages that are committed, at most `limit`; returns how many were delivered.
   *
   * @param deliver returns whether to go on.
   */
  take(deliver: (value: T, meta: MessageMeta) => boolean, limit: number): number {
    const reader = this.#reader;
    let taken = 0;
    this.#lookForPublishers();
    try {
      while (taken < limit && this.#open) {
        const outcome = reader.read();
        if (outcome === 'empty') break;
        if (outcome !== 'message') {
          this.#onTrouble(outcome);
          continue;
        }
        const goOn = this.#deliver(deliver);
        taken++;
        if (!goOn || !this.#open) break;
        if (reader.position - this.#cursor >= CURSOR_STEP) this.#storeCursor();
      }
    } finally {
      if (this.#open) this.#storeCursor();
    }
    return taken;
  }

  #deliver(deliver: (value: T, meta: MessageMeta) => boolean): boolean {
    const { batch, start, end, sequence, timestamp, publisher } = this.#reader;
    let value: T;
    try {
      value = this.#definition.codec.decode(batch, start, end);
    } catch (error) {
      const text = `message ${sequence} cannot be decoded: ${error instanceof Error ? error.message : String(error)}`;
      this.hooks.error(new ChannelError('UNDECODABLE', this.#definition.name, text, { cause: error }));
      return true;
    }
    return deliver(value, { sequence, timestamp, publisher });
  }

  /** Publishers that joined are watched over, so that their death is heard of. */
  #lookForPublishers(): void {
    const epoch = this.#member.epoch();
    if (epoch === this.#epoch) return;
    this.#epoch = epoch;
    this.#member.watchOver(STATE_PUBLISHER);
  }

  #isDisconnected(): boolean {
    return this.#member.table.stateOf(this.#member.slot) === STATE_DISCONNECTED;
  }

  #storeCursor(): void {
    const { table, slot } = this.#member;
    if (this.#isDisconnected()) {
      this.hooks.end('disconnected');
      return;
    }
    if (!this.#reliable || this.#reader.position === this.#cursor) return;
    this.#cursor = this.#reader.position;
    table.storeCursor(slot, this.#cursor);
    this.#member.ringPublishers();
  }

  #onTrouble(outcome: 'lapped' | 'corrupted'): void {
    if (this.#isDisconnected()) {
      this.hooks.end('disconnected');
      return;
    }
    const reader = this.#reader;
    const from = reader.expected;
    if (outcome === 'corrupted') {
      const error = this.#corrupted();
      const found = reader.seekTail() === 'done' && reader.sequence >= from;
      if (!found) this.hooks.end('corrupted');
      this.hooks.error(error);
      if (!found) return;
    }
    reader.expected = reader.sequence;
    const count = reader.sequence - from;
    if (count > 0) this.hooks.gap({ from, to: reader.sequence - 1, count });
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
    this.#open = false;
    this.#member.leave();
  }
}
