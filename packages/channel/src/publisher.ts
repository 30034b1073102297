import { allocateWordBytes } from '@mmfbus/codec';
import {
  encodesInPlace,
  hasOwnBytes,
  type InPlaceCodec,
  type OwnBytesCodec,
  ownBytes,
} from '@mmfbus/codec/internal';
import { timers } from '@mmfbus/core';
import type { ChannelMemory } from './channel-memory.js';
import type { ChannelDefinition } from './definition.js';
import { diagnostics, type ParticipantDiagnostics } from './diagnostics.js';
import { ChannelError } from './errors.js';
import type { JoinOptions } from './join-options.js';
import { frameLength } from './layout/frame-layout.js';
import { STATE_PUBLISHER } from './layout/participant-layout.js';
import { anyBoolean, checkOptions, joinRules, oneOf, waitRules } from './options.js';
import { Member } from './participants/member.js';
import { Outbox, type PublishOutcome } from './publishing/outbox.js';
import { Batch, BytesBatch, type Parcel, SingleMessage, SplitMessage } from './publishing/parcel.js';
import { Scratch } from './publishing/scratch.js';
import { WaitingLine } from './publishing/waiting-line.js';

/** A batch takes at most this part of the ring. */
const LARGEST_BATCH_PART = 4;
/** A fragment takes this part of the ring, so that subscribers read one while the next is written. */
const FRAGMENT_PART = 8;
const LONGEST_TIMEOUT: number = 2 ** 31 - 1;
/** How long closing waits for the lock unless told otherwise, milliseconds. */
const CLOSE_TIMEOUT = 5000;
/** How often a publisher that closed without the lock tries to take it, milliseconds. */
const LEAVE_RETRY_MS = 50;

/** Options of a publisher. */
export interface PublisherOptions extends JoinOptions {
  /** Name of this participant, for those who look who takes part; at most 48 bytes are kept. Defaults to none. */
  readonly name?: string | undefined;
  /** Creates the channel when there is none. Defaults to true. */
  readonly create?: boolean | undefined;
  /**
   * What happens when a reliable subscriber has not taken enough for there to be room: `report` it as the outcome `full`,
   * so that the program decides, or `disconnect` that subscriber, which ends its subscription. Defaults to `report`.
   */
  readonly whenFull?: 'report' | 'disconnect' | undefined;
  /**
   * Says of each message when it was published. Reading the clock takes a fourth of what publishing a small one does.
   * Defaults to true; without, `meta.timestamp` is 0.
   */
  readonly timestamps?: boolean | undefined;
}

/** Options of the calls that wait. */
export interface WaitOptions {
  /** Gives up with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Gives up with a `TIMEOUT` after that many milliseconds; `Infinity` is never. Defaults to never. */
  readonly timeout?: number | undefined;
}

const UNLIMITED: WaitOptions = {};

/**
 * Refuses options that a publisher does not have, and values that they cannot have.
 *
 * @throws {@link ChannelError} `INVALID_ARGUMENT`.
 */
export function checkPublisherOptions(channel: string, options: PublisherOptions): void {
  const rules = { ...joinRules, whenFull: oneOf('report', 'disconnect'), timestamps: anyBoolean };
  checkOptions(channel, 'publisher()', options, rules);
}

/** Publishes to one channel. Made by `Channel.publisher`. */
export class Publisher<T> {
  readonly #channel: string;
  readonly #member: Member;
  readonly #outbox: Outbox;
  readonly #line: WaitingLine;
  readonly #scratch: Scratch<T>;
  readonly #inPlace: InPlaceCodec<T> | undefined;
  readonly #ownBytes: OwnBytesCodec<T> | undefined;
  readonly #single: SingleMessage;
  readonly #maxPayload: number;
  /** Most bytes that the frames of a batch may take. */
  readonly #largestBatch: number;
  #drained = false;
  #closed: Promise<void> | undefined;

  private constructor(definition: ChannelDefinition<T>, member: Member, options: PublisherOptions) {
    this.#channel = definition.name;
    this.#member = member;
    this.#outbox = new Outbox(member, options.whenFull === 'disconnect', options.timestamps ?? true);
    this.#line = new WaitingLine(member);
    this.#scratch = new Scratch(definition.codec, definition.name);
    this.#inPlace = encodesInPlace(definition.codec) ? definition.codec : undefined;
    this.#ownBytes = hasOwnBytes(definition.codec) ? definition.codec : undefined;
    this.#single = new SingleMessage(this.#scratch.payload, 0);
    const { maxPayload, ringCapacity } = member.memory.geometry;
    this.#maxPayload = maxPayload;
    this.#largestBatch = ringCapacity / LARGEST_BATCH_PART;
    member.atEnd = () => this.#leaveAtExit();
    diagnostics.open.publish(this.#self());
  }

  /** @internal */
  static async open<T>(
    definition: ChannelDefinition<T>,
    memory: ChannelMemory,
    options: PublisherOptions,
    signal: AbortSignal,
  ): Promise<Publisher<T>> {
    const member = await Member.join(memory, options.name ?? '', [signal]);
    try {
      await member.lock.acquire([signal]);
      member.activate(STATE_PUBLISHER);
      member.lock.release();
      return new Publisher(definition, member, options);
    } catch (error) {
      member.leave();
      throw error;
    }
  }

  /** Name of the channel. */
  get channel(): string {
    return this.#channel;
  }

  /**
   * Publishes a value that fits into one frame, without waiting.
   *
   * @throws {@link ChannelError} `UNENCODABLE`, `TOO_LARGE`, `REENTRANT`, `CORRUPTED` or `CLOSED`.
   */
  publish(value: T): PublishOutcome {
    this.#checkOpen();
    return this.#publishInPlace(value) ? 'published' : this.#publishCopy(value);
  }

  #publishCopy(value: T): PublishOutcome {
    const limit = this.#maxPayload;
    this.#scratch.enter();
    try {
      const length = this.#scratch.encode(value, 0, limit, 'without waiting, the channel carries');
      this.#checkOpen();
      // Those who wait were here before.
      return this.#line.isEmpty ? this.#append(length) : 'full';
    } finally {
      this.#scratch.leave();
    }
  }

  /**
   * Publishes several values with one commit and one wake-up, without waiting: all of them, one after the other, or none.
   * Each must fit into one frame, and all of them into a quarter of the ring. An empty batch is `published`.
   *
   * @throws {@link ChannelError} as {@link Publisher.publish} does, and `INVALID_ARGUMENT` for what is not iterable; then
   * none was published.
   */
  publishBatch(values: readonly T[]): PublishOutcome {
    const list = this.#listOf(values);
    if (list.length === 0) return 'published';
    this.#scratch.enter();
    try {
      const batch = this.#batchOfBytes(list) ?? this.#encodeBatch(list);
      return this.#line.isEmpty ? this.#outbox.append(batch) : 'full';
    } finally {
      this.#scratch.leave();
    }
  }

  /**
   * Publishes a value as soon as there is room. Calls that wait keep their order. What is too large for one frame, or for
   * the ring, is split, and put together again by the subscribers; given up half-way, nobody sees it.
   *
   * Where it fails, nothing was published, and nothing will be.
   *
   * @throws {@link ChannelError} as {@link Publisher.publish} does, and `TIMEOUT`; the signal's reason when it aborts.
   */
  async publishAsync(value: T, options: WaitOptions = UNLIMITED): Promise<void> {
    this.#checkOpen();
    this.#checkWait('publishAsync()', options);
    if (this.#publishInPlace(value)) return;
    const { maxMessage } = this.#member.memory.geometry;
    let parcel: Parcel;
    this.#scratch.enter();
    try {
      const length = this.#scratch.encode(value, 0, maxMessage, 'the channel carries');
      this.#checkOpen();
      const fits = length <= this.#maxPayload;
      if (fits && this.#line.isEmpty && this.#append(length) === 'published') return;
      parcel = fits ? this.#keep(length) : this.#split(length);
    } finally {
      this.#scratch.leave();
    }
    await this.#waitInLine(parcel, options);
  }

  /**
   * Publishes several values as {@link Publisher.publishBatch} does, as soon as there is room for all of them.
   *
   * @throws {@link ChannelError} as {@link Publisher.publishBatch} does, and `TIMEOUT`; the signal's reason when it aborts.
   * Then none was published.
   */
  async publishBatchAsync(values: readonly T[], options: WaitOptions = UNLIMITED): Promise<void> {
    this.#checkWait('publishBatchAsync()', options);
    const list = this.#listOf(values);
    if (list.length === 0) return;
    let batch: Batch;
    this.#scratch.enter();
    try {
      const bytes = this.#batchOfBytes(list);
      if (bytes !== undefined && this.#line.isEmpty && this.#outbox.append(bytes) === 'published') return;
      batch = this.#encodeBatch(list);
      if (bytes === undefined && this.#line.isEmpty && this.#outbox.append(batch) === 'published') return;
      this.#scratch.take();
    } finally {
      this.#scratch.leave();
    }
    await this.#waitInLine(batch, options);
  }

  /**
   * Waits until what waits in `publishAsync` is published and every reliable subscriber has taken everything, and closes.
   * What is published meanwhile waits behind it, and fails with `CLOSED`.
   *
   * @throws {@link ChannelError} `CLOSED`; `TIMEOUT`, or the signal's reason when it aborts, and then it is still open.
   */
  async drain(options: WaitOptions = UNLIMITED): Promise<void> {
    this.#checkOpen();
    this.#checkWait('drain()', options);
    const { signal, timeout = Number.POSITIVE_INFINITY } = options;
    const deadline = timers.now() + timeout;
    await this.#wait(() => {
      if (!this.#outbox.isTaken()) {
        // A subscriber that could not be rung when something was published may be by now.
        this.#member.ringAgain();
        return 'full';
      }
      // At once, before the next in line has its turn.
      this.#drained = true;
      return 'published';
    }, options);
    const left = Math.max(0, Math.min(Math.ceil(deadline - timers.now()), CLOSE_TIMEOUT));
    await this.close({ signal, timeout: left });
  }

  /**
   * Leaves the channel. Subscribers are told when this was the last publisher. What waits in `publishAsync` fails with
   * `CLOSED`. A second call returns the same promise.
   *
   * Leaving takes the channel's lock, which another process may hold for long, when it is stopped for one. After the
   * `timeout`, which defaults to 5000 ms, or when the signal aborts, the promise resolves without that: this publisher
   * leaves as soon as the lock is free, and counts as one until then. It does not keep the process alive for that. Where
   * the process ends before, the others find out as they do of any process that died.
   *
   * @throws {@link ChannelError} `INVALID_ARGUMENT`.
   */
  close(options: WaitOptions = UNLIMITED): Promise<void> {
    if (this.#closed === undefined) {
      try {
        checkOptions(this.#channel, 'close()', options, waitRules);
      } catch (error) {
        return Promise.reject(error);
      }
      this.#closed = this.#close(options);
    }
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close({ signal, timeout = CLOSE_TIMEOUT }: WaitOptions): Promise<void> {
    this.#outbox.close();
    this.#line.close(new ChannelError('CLOSED', this.channel, 'the publisher was closed'));
    diagnostics.close.publish(this.#self());
    if (!this.#member.lock.spin() && !(await this.#awaitLock(signal, timeout))) {
      void this.#leaveLater();
      return;
    }
    this.#leave();
    await this.#member.memory.closed;
  }

  /** Whether the lock was taken in time. */
  async #awaitLock(signal: AbortSignal | undefined, timeout: number): Promise<boolean> {
    const deadline = new AbortController();
    const timer = timers.setTimeout(() => deadline.abort(), Math.min(timeout, LONGEST_TIMEOUT));
    const limits = signal === undefined ? [deadline.signal] : [deadline.signal, signal];
    try {
      await this.#member.lock.acquire(limits);
      return true;
    } catch {
      return false;
    } finally {
      timers.clearTimeout(timer);
    }
  }

  /** With the lock held. */
  #leave(): void {
    try {
      this.#member.retire();
    } finally {
      this.#member.lock.release();
      this.#member.leave();
    }
  }

  /** As soon as the lock is free, or its holder proved dead. */
  async #leaveLater(): Promise<void> {
    while (!this.#member.lock.takeOver()) await timers.sleep(LEAVE_RETRY_MS, { ref: false });
    this.#leave();
  }

  #self(): ParticipantDiagnostics {
    return { channel: this.#channel, role: 'publisher', slot: this.#member.slot };
  }

  #leaveAtExit(): void {
    // Where a living participant keeps the lock, the others find out by proof of death.
    if (this.#member.lock.spin()) this.#leave();
    else this.#member.leave(false);
  }

  #checkOpen(): void {
    if (this.#closed !== undefined || this.#drained)
      throw new ChannelError('CLOSED', this.channel, 'the publisher is closed');
  }

  /** False where that takes another way: also when others wait, who were here before. */
  #publishInPlace(value: T): boolean {
    const codec = this.#inPlace;
    if (codec === undefined || !this.#line.isEmpty) return false;
    this.#scratch.enter();
    try {
      return this.#outbox.appendInPlace(value, codec);
    } finally {
      this.#scratch.leave();
    }
  }

  /** Publishes what is encoded. */
  #append(length: number): PublishOutcome {
    this.#single.payload = this.#scratch.payload;
    this.#single.bytes = length;
    return this.#outbox.append(this.#single);
  }

  /** A message in memory of its own: the scratch is overwritten by the next call. */
  #keep(length: number): Parcel {
    const payload = allocateWordBytes(length);
    payload.set(this.#scratch.payload.subarray(0, length));
    return new SingleMessage(payload, length);
  }

  #split(length: number): Parcel {
    const { member, payload } = { member: this.#member, payload: this.#scratch.take() };
    const { ringCapacity } = member.memory.geometry;
    const partLength = Math.min(this.#maxPayload, ringCapacity / FRAGMENT_PART);
    const generation = member.table.generationOf(member.slot);
    return new SplitMessage(payload, length, generation, partLength);
  }

  /** The values themselves: asking for them may run code of the program, which may publish meanwhile. */
  #listOf(values: readonly T[]): readonly T[] {
    this.#checkOpen();
    if (typeof values?.[Symbol.iterator] === 'function') return [...values];
    const text = `a batch must be an array, not ${values === null ? 'null' : typeof values}`;
    throw new ChannelError('INVALID_ARGUMENT', this.#channel, text);
  }

  /** Undefined where the values have to be encoded, or are refused. */
  #batchOfBytes(values: readonly T[]): BytesBatch | undefined {
    const codec = this.#ownBytes;
    if (codec === undefined) return undefined;
    const lengths: number[] = [];
    let [bytes, taken] = [0, 0];
    for (const value of values) {
      const length = codec[ownBytes](value);
      if (length < 0 || length > this.#maxPayload) return undefined;
      lengths.push(length);
      bytes += length;
      taken += frameLength(length);
    }
    if (taken > this.#largestBatch) return undefined;
    return new BytesBatch(values as readonly unknown[] as readonly Uint8Array[], lengths, bytes);
  }

  #encodeBatch(values: readonly T[]): Batch {
    const limit = this.#largestBatch;
    const starts: number[] = [];
    const lengths: number[] = [];
    let start = 0;
    let taken = 0;
    for (const value of values) {
      const length = this.#scratch.encode(value, start, this.#maxPayload, 'in a batch, the channel carries');
      taken += frameLength(length);
      if (taken > limit) {
        const text = `the first ${starts.length + 1} messages of the batch take ${taken} bytes; a batch takes at most ${limit}`;
        throw new ChannelError('TOO_LARGE', this.#channel, text);
      }
      starts.push(start);
      lengths.push(length);
      start = (start + length + 3) & ~3;
    }
    this.#checkOpen();
    return new Batch(this.#scratch.payload, starts, lengths);
  }

  #waitInLine(parcel: Parcel, options: WaitOptions): Promise<void> {
    return this.#wait(() => {
      this.#checkOpen();
      return this.#outbox.append(parcel);
    }, options);
  }

  #wait(attempt: () => PublishOutcome, { signal, timeout }: WaitOptions): Promise<void> {
    const onTimeout = () => {
      const text = `nothing happened within ${timeout} ms: ${this.#outbox.describeObstacle()}`;
      return new ChannelError('TIMEOUT', this.#channel, text);
    };
    return this.#line.wait(attempt, { signal, timeout, onTimeout });
  }

  #checkWait(what: string, options: WaitOptions): void {
    if (options === UNLIMITED) return;
    checkOptions(this.#channel, what, options, waitRules);
    options.signal?.throwIfAborted();
  }
}
