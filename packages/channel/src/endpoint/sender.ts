import {
  allocateWordBytes,
  encodesInPlace,
  hasOwnBytes,
  type InPlaceCodec,
  type OwnBytesCodec,
  ownBytes,
  type WordBytes,
} from '@mmfbus/codec/internal';
import type { ChannelDefinition } from '../format/definition.js';
import { FRAME_HEADER_LENGTH, frameLength } from '../format/frame-layout.js';
import { maxWholeOf } from '../format/geometry.js';
import { ChannelError } from '../foundation/errors.js';
import type { Participant } from '../membership/participant.js';
import { type Append, BytesBatch, EncodedBatch, MessageAppend, SplitAppend } from './append.js';
import {
  Appender,
  type AppenderOptions,
  type AppendOutcome,
  type FlushGoal,
  type PublishOutcome,
} from './appender.js';
import { PendingAppends } from './pending-appends.js';
import { Scratch } from './scratch.js';

/** A batch takes at most this part of the ring. */
const LARGEST_BATCH_PART = 4;
/** A fragment takes this part of the ring, so that subscribers read one while the next is written. */
const FRAGMENT_PART = 8;

/** What ends the waiting of a call. */
export interface SendLimits {
  readonly signal?: AbortSignal | undefined;
  readonly timeout?: number | undefined;
}

/** How a sender sends. */
export interface SenderOptions extends AppenderOptions {
  /** Most bytes that wait in line; one message may, whatever its length. */
  readonly maxWaiting: number;
  /** Milliseconds for which calls that wait look for room before they sleep. Defaults to 0. */
  readonly pollWindow?: number;
}

/** A publisher's part in the protocol: it encodes values, appends them, and keeps those in line that have to wait. */
export class Sender<T> {
  readonly #channel: string;
  readonly #participant: Participant;
  readonly #appender: Appender;
  readonly #pending: PendingAppends;
  readonly #scratch: Scratch<T>;
  readonly #inPlace: InPlaceCodec<T> | undefined;
  readonly #ownBytes: OwnBytesCodec<T> | undefined;
  readonly #message: MessageAppend;
  readonly #maxWaiting: number;
  /** Most bytes of a message that is not split. */
  readonly #maxWhole: number;
  /** Why nothing more is accepted. */
  #refusal: string | undefined;

  constructor({ name, codec }: ChannelDefinition<T>, participant: Participant, options: SenderOptions) {
    this.#channel = name;
    this.#participant = participant;
    this.#appender = new Appender(participant, options);
    this.#pending = new PendingAppends(participant, options.pollWindow ?? 0);
    this.#scratch = new Scratch(codec, name);
    this.#inPlace = encodesInPlace(codec) ? codec : undefined;
    this.#ownBytes = hasOwnBytes(codec) ? codec : undefined;
    this.#message = new MessageAppend(this.#scratch.payload, 0);
    this.#maxWaiting = options.maxWaiting;
    this.#maxWhole = maxWholeOf(participant.memory.geometry);
  }

  /** Number of the last message that was published; 0 before the first. */
  get sequence(): number {
    return this.#appender.sequence;
  }

  /** Publishes a value that fits into one frame, without waiting. */
  trySend(value: T): PublishOutcome {
    this.#checkOpen();
    const outcome = this.#sendInPlace(value);
    return outcome === 'unsuited' ? this.#sendCopy(value) : outcome;
  }

  /** Publishes a value as soon as there is room, tried before this returns; its number. */
  async send(value: T, limits: SendLimits): Promise<number> {
    this.#checkOpen();
    const outcome = this.#sendInPlace(value);
    if (outcome === 'published') return this.sequence;
    const { maxMessage } = this.#participant.memory.geometry;
    let append: Append;
    let kept: number;
    let taken: WordBytes | undefined;
    this.#scratch.enter();
    try {
      const length = this.#scratch.encode(value, 0, maxMessage, 'the channel carries');
      this.#checkOpen();
      const fits = length <= this.#maxWhole;
      if (fits && outcome === 'unsuited' && this.#tryAppend(this.#encoded(length)) === 'published') {
        return this.sequence;
      }
      this.#checkBacklog(length);
      if (!fits) taken = this.#scratch.take();
      append = taken === undefined ? this.#keep(length) : this.#split(taken, length);
      kept = length;
    } finally {
      this.#scratch.leave();
    }
    try {
      return await this.#waitInLine(append, kept, limits, () => this.sequence);
    } finally {
      // Published or given up, it is not read any more.
      if (taken !== undefined) this.#scratch.giveBack(taken);
    }
  }

  /** Appends what is encoded already, without waiting. */
  tryAppend(append: Append): AppendOutcome {
    this.#checkOpen();
    return this.#pending.isEmpty ? this.#appender.tryAppend(append) : 'full';
  }

  /** Does that as soon as there is room. What it is made of must not change meanwhile. */
  async append(append: Append, bytes: number, limits: SendLimits): Promise<'published' | 'refused'> {
    this.#checkOpen();
    return this.#waitInLine(
      append,
      bytes,
      limits,
      () => 'published' as const,
      () => 'refused' as const,
    );
  }

  /** Has the bell rung when there is room; see `PendingAppends`. */
  awaitRoom(): void {
    this.#pending.awaitRoom();
  }

  /** Ends that. */
  forgetRoom(): void {
    this.#pending.forgetRoom();
  }

  /** Bytes that wait in line. */
  get waiting(): number {
    return this.#pending.bytes;
  }

  /** Publishes several values with one commit, without waiting: all of them or none. */
  trySendAll(values: readonly T[]): PublishOutcome {
    const list = this.#listOf(values);
    if (list.length === 0) return 'published';
    this.#scratch.enter();
    try {
      return this.#tryAppend(this.#batchOfBytes(list) ?? this.#encodeBatch(list));
    } finally {
      this.#scratch.leave();
    }
  }

  /** Does that as soon as there is room for all of them; the number of the first one. */
  async sendAll(values: readonly T[], limits: SendLimits): Promise<number> {
    const list = this.#listOf(values);
    if (list.length === 0) return 0;
    const first = () => this.sequence - list.length + 1;
    let batch: EncodedBatch;
    let taken: WordBytes;
    this.#scratch.enter();
    try {
      const bytes = this.#batchOfBytes(list);
      if (bytes !== undefined && this.#tryAppend(bytes) === 'published') return first();
      batch = this.#encodeBatch(list);
      if (bytes === undefined && this.#tryAppend(batch) === 'published') return first();
      this.#checkBacklog(batch.bytes);
      taken = this.#scratch.take();
    } finally {
      this.#scratch.leave();
    }
    try {
      return await this.#waitInLine(batch, batch.bytes, limits, first);
    } finally {
      this.#scratch.giveBack(taken);
    }
  }

  /**
   * Waits until what is in line is published, and the reliable subscribers that are there then have taken all that this
   * publisher has published by then.
   */
  async flush(limits: SendLimits): Promise<void> {
    const { signal, timeout } = limits;
    const onTimeout = () => this.#timeout(timeout);
    let goal: FlushGoal | undefined;
    const setGoal = (): PublishOutcome => {
      goal = this.#appender.flushGoal();
      return 'published';
    };
    const isReached = (): PublishOutcome => {
      if (this.#appender.isReached(goal as FlushGoal)) return 'published';
      // A subscriber that could not be rung when something was published may be by now.
      this.#participant.ringForFramesAgain();
      return 'full';
    };
    if (this.#pending.isEmpty) setGoal();
    else await this.#pending.waitInLine({ attempt: setGoal, result: () => {}, signal, timeout, onTimeout });
    await this.#pending.waitBeside({ attempt: isReached, result: () => {}, signal, timeout, onTimeout });
  }

  /** Whether anything is in line. */
  get isWaiting(): boolean {
    return !this.#pending.isEmpty;
  }

  /** Waits until nothing is in line. */
  settle({ signal, timeout }: SendLimits): Promise<void> {
    if (!this.isWaiting) return Promise.resolve();
    const onTimeout = () => this.#timeout(timeout);
    return this.#pending.waitInLine({
      attempt: () => 'published',
      result: () => {},
      signal,
      timeout,
      onTimeout,
    });
  }

  /** Accepts nothing more, or goes on to where there is no reason. What is in line stays there. */
  refuse(reason: string | undefined): void {
    this.#refusal = reason;
    this.#appender.acceptsInPlace = reason === undefined;
  }

  /** From here on nothing is published, and the memory of the channel not touched. */
  close(): void {
    this.refuse('the publisher is closed');
    this.#pending.close(new ChannelError('CLOSED', this.#channel, 'the publisher was closed'));
  }

  #checkOpen(): void {
    if (this.#refusal !== undefined) throw new ChannelError('CLOSED', this.#channel, this.#refusal);
  }

  /** `unsuited` where that takes another way: also when others wait, who were here before. */
  #sendInPlace(value: T): PublishOutcome | 'unsuited' {
    const codec = this.#inPlace;
    if (codec === undefined || !this.#pending.isEmpty) return 'unsuited';
    this.#scratch.enter();
    try {
      return this.#appender.tryAppendInPlace(value, codec);
    } finally {
      this.#scratch.leave();
    }
  }

  #sendCopy(value: T): PublishOutcome {
    const limit = this.#maxWhole;
    this.#scratch.enter();
    try {
      const length = this.#scratch.encode(value, 0, limit, 'without waiting, the channel carries');
      this.#checkOpen();
      return this.#tryAppend(this.#encoded(length));
    } finally {
      this.#scratch.leave();
    }
  }

  /** Where others wait, they were here before. What a sender makes itself is always allowed. */
  #tryAppend(append: Append): PublishOutcome {
    return this.#pending.isEmpty ? (this.#appender.tryAppend(append) as PublishOutcome) : 'full';
  }

  /** What was encoded last. */
  #encoded(length: number): MessageAppend {
    this.#message.payload = this.#scratch.payload;
    this.#message.bytes = length;
    return this.#message;
  }

  /** A message in memory of its own: the scratch is overwritten by the next call. */
  #keep(length: number): Append {
    const payload = allocateWordBytes(length);
    payload.set(this.#scratch.payload.subarray(0, length));
    return new MessageAppend(payload, length);
  }

  #split(payload: WordBytes, length: number): Append {
    const { generation, memory } = this.#participant;
    const { maxPayload, ringCapacity } = memory.geometry;
    return new SplitAppend(payload, length, generation, Math.min(maxPayload, ringCapacity / FRAGMENT_PART));
  }

  /** The values themselves: asking for them may run code of the program, which may publish meanwhile. */
  #listOf(values: readonly T[]): readonly T[] {
    this.#checkOpen();
    if (typeof values?.[Symbol.iterator] === 'function') return [...values];
    const text = `a batch must be an array, not ${values === null ? 'null' : typeof values}`;
    throw new ChannelError('INVALID_ARGUMENT', this.#channel, text);
  }

  get #largestBatch(): number {
    return this.#participant.memory.geometry.ringCapacity / LARGEST_BATCH_PART;
  }

  /** Undefined where the values have to be encoded, or are refused. */
  #batchOfBytes(values: readonly T[]): BytesBatch | undefined {
    const codec = this.#ownBytes;
    if (codec === undefined) return undefined;
    const lengths: number[] = [];
    let taken = 0;
    let bytes = 0;
    for (const value of values) {
      const length = codec[ownBytes](value);
      if (length < 0 || length > this.#maxWhole) return undefined;
      lengths.push(length);
      taken += frameLength(length);
      bytes += length;
    }
    if (taken > this.#largestBatch) return undefined;
    return new BytesBatch(values as readonly unknown[] as readonly Uint8Array[], lengths, taken, bytes);
  }

  #encodeBatch(values: readonly T[]): EncodedBatch {
    const limit = this.#largestBatch;
    const lengths = new Array<number>(values.length);
    let taken = 0;
    let bytes = 0;
    for (let index = 0; index < values.length; index++) {
      const start = taken + FRAME_HEADER_LENGTH;
      const value = values[index] as T;
      const length = this.#scratch.encode(value, start, this.#maxWhole, 'in a batch, the channel carries');
      taken += frameLength(length);
      bytes += length;
      lengths[index] = length;
      if (taken > limit) {
        const text = `the first ${index + 1} messages of the batch take ${taken} bytes; a batch takes at most ${limit}`;
        throw new ChannelError('TOO_LARGE', this.#channel, text);
      }
    }
    this.#checkOpen();
    return new EncodedBatch(this.#scratch.payload, lengths, taken, bytes);
  }

  #checkBacklog(bytes: number): void {
    const waiting = this.#pending.bytes;
    if (this.#pending.isEmpty || waiting + bytes <= this.#maxWaiting) return;
    const text = `${waiting} bytes wait to be published; with ${bytes} more that would be above maxWaiting, ${this.#maxWaiting}`;
    throw new ChannelError('BACKLOG', this.#channel, text);
  }

  #waitInLine<R>(
    append: Append,
    bytes: number,
    limits: SendLimits,
    done: () => R,
    refused: () => R = done,
  ): Promise<R> {
    const { signal, timeout } = limits;
    let result = done;
    const attempt = (): PublishOutcome => {
      const outcome = this.#appender.tryAppend(append);
      if (outcome !== 'refused') return outcome;
      result = refused;
      return 'published';
    };
    return this.#pending.waitInLine({
      bytes,
      attempt,
      result: () => result(),
      signal,
      timeout,
      onTimeout: () => this.#timeout(timeout),
    });
  }

  #timeout(timeout: number | undefined): ChannelError {
    const text = `nothing happened within ${timeout} ms: ${this.#appender.describeObstacle()}`;
    return new ChannelError('TIMEOUT', this.#channel, text);
  }
}
