import { timers } from '@mmfbus/core/internal';
import type { PublishOutcome } from '../endpoint/appender.js';
import { leaveAtExit, leaveLater, leaveWithLock } from '../endpoint/leaving.js';
import { DEFAULT_POLL_WINDOW } from '../endpoint/look-window.js';
import type { Position } from '../endpoint/position.js';
import { Sender } from '../endpoint/sender.js';
import { SubscriberWatch } from '../endpoint/subscriber-watch.js';
import type { ChannelDefinition } from '../format/definition.js';
import { MAX_PARTICIPANTS, STATE_PUBLISHER } from '../format/participant-layout.js';
import { withDeadline } from '../foundation/deadline.js';
import { diagnostics, type ParticipantDiagnostics } from '../foundation/diagnostics.js';
import { ChannelError } from '../foundation/errors.js';
import { Events } from '../foundation/events.js';
import { showAs } from '../foundation/inspect.js';
import {
  anyBoolean,
  anyPollWindow,
  type Check,
  checkOptions,
  checkValue,
  joinRules,
  oneOf,
  waitRules,
  wholeNumber,
} from '../foundation/options.js';
import type { ChannelMemory } from '../membership/channel-memory.js';
import { Participant } from '../membership/participant.js';
import type { JoinOptions } from './join-options.js';
import {
  type PublisherCloseInfo,
  type PublisherEvent,
  type PublisherEvents,
  type PublisherListener,
  publisherEvents,
} from './publisher-events.js';

/** Default of `maxWaiting`. */
const DEFAULT_MAX_WAITING: number = 16 * 2 ** 20;
/** How long closing waits unless told otherwise, milliseconds. */
const CLOSE_TIMEOUT = 5000;

/** Options of a publisher. */
export interface PublisherOptions extends JoinOptions {
  /**
   * What happens to a reliable subscriber that has not taken enough for there to be room: publishing has to `wait` for it, or
   * publishers `disconnect` it, which ends its subscription. Defaults to `wait`.
   */
  readonly slowSubscribers?: 'wait' | 'disconnect' | undefined;
  /**
   * Says of each message when it was published. Reading the clock takes a fourth of what publishing a small one does.
   * Defaults to true; without, `timestamp` is 0.
   */
  readonly timestamps?: boolean | undefined;
  /**
   * Most bytes of messages that wait for room in this publisher, before `publish` refuses more with `BACKLOG`. One message
   * may wait, whatever its length. Defaults to 16 MiB.
   */
  readonly maxWaiting?: number | undefined;
  /**
   * Milliseconds for which a call that waits keeps looking for room, in turns of the event loop, before it goes to sleep; the window
   * shrinks while that finds nothing. 0 = always sleep at once. Defaults to 0.2.
   */
  readonly pollWindow?: number | undefined;
}

/** Options of the calls that wait. */
export interface WaitOptions {
  /** Gives up with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Gives up with a `TIMEOUT` after that many milliseconds; `Infinity` is never. Defaults to never. */
  readonly timeout?: number | undefined;
}

const UNLIMITED: WaitOptions = {};

const rules: Readonly<Record<keyof PublisherOptions, Check>> = {
  ...joinRules,
  slowSubscribers: oneOf('wait', 'disconnect'),
  timestamps: anyBoolean,
  maxWaiting: wholeNumber(0, Number.MAX_SAFE_INTEGER),
  pollWindow: anyPollWindow,
};

/**
 * Refuses options that a publisher does not have, and values that they cannot have.
 *
 * @throws {@link ChannelError} `INVALID_ARGUMENT`.
 */
export function checkPublisherOptions(channel: string, options: PublisherOptions): void {
  checkOptions(channel, 'publisher()', options, rules);
}

/** Publishes to one channel. Made by `Channel.publisher`. */
export interface Publisher<T> extends AsyncDisposable {
  /** Name of the channel. */
  readonly channel: string;
  /** Whether it can publish still. */
  readonly isOpen: boolean;
  /** Number of the last message that it has published; 0 before the first. */
  readonly sequence: number;
  /** That number, in this life of the channel: a subscriber may `start: { after }` it. */
  readonly position: Position;
  /** How many subscribers the channel has now; 0 once this is closed. */
  readonly subscriberCount: number;
  /** Resolves when it has closed. */
  readonly closed: Promise<PublisherCloseInfo>;

  /**
   * Listens to an event. Listening does not keep the process alive.
   *
   * @throws {@link ChannelError} `INVALID_ARGUMENT` for an event that there is not; `CLOSED`.
   */
  on<E extends PublisherEvent>(event: E, listener: PublisherListener<E>): this;
  /** Listens to the next one only. */
  once<E extends PublisherEvent>(event: E, listener: PublisherListener<E>): this;
  /** Listens no more. */
  off<E extends PublisherEvent>(event: E, listener: PublisherListener<E>): this;

  /**
   * Waits until the channel has that many subscribers.
   *
   * @param count at least 1. Defaults to 1.
   * @returns how many there are then.
   * @throws {@link ChannelError} `INVALID_ARGUMENT`; `CLOSED`; `TIMEOUT`, or the signal's reason when it aborts.
   */
  waitForSubscribers(count?: number, options?: WaitOptions): Promise<number>;

  /**
   * Publishes a value as soon as there is room, which is tried before this returns. Calls that wait keep their order. What
   * is too large for one frame, or for the ring, is split, and put together again by the subscribers; given up half-way,
   * no subscriber sees it.
   *
   * Where it fails, the value was not published, and will not be.
   *
   * @returns its number in the channel.
   * @throws {@link ChannelError} `UNENCODABLE`, `TOO_LARGE`, `REENTRANT`, `CORRUPTED`, `CLOSED`, `BACKLOG` or `TIMEOUT`; the
   * signal's reason when it aborts.
   */
  publish(value: T, options?: WaitOptions): Promise<number>;

  /**
   * Publishes a value that fits into one frame, without waiting. Unless this says `published`, it was not.
   *
   * @throws {@link ChannelError} `UNENCODABLE`, `TOO_LARGE`, `REENTRANT`, `CORRUPTED` or `CLOSED`.
   */
  tryPublish(value: T): PublishOutcome;

  /**
   * Publishes several values with one commit and one wake-up, as soon as there is room for all of them: all, one after the
   * other, or none. Each must fit into one frame, and all of them into a quarter of the ring.
   *
   * @returns the number of the first one; 0 where there is none.
   * @throws {@link ChannelError} as {@link Publisher.publish} does, and `INVALID_ARGUMENT` for what is not iterable; then
   * none was published.
   */
  publishAll(values: readonly T[], options?: WaitOptions): Promise<number>;

  /**
   * Does that without waiting. An empty batch is `published`.
   *
   * @throws {@link ChannelError} as {@link Publisher.tryPublish} does, and `INVALID_ARGUMENT` for what is not iterable.
   */
  tryPublishAll(values: readonly T[]): PublishOutcome;

  /**
   * Waits until the reliable subscribers have taken everything that this publisher has published. What that is, and who they
   * are, is settled as soon as all calls have been served that were waiting before this one.
   *
   * @throws {@link ChannelError} `CLOSED`; `TIMEOUT`, or the signal's reason when it aborts.
   */
  flush(options?: WaitOptions): Promise<void>;

  /**
   * Accepts nothing more, waits as {@link Publisher.flush} does, and closes.
   *
   * @throws {@link ChannelError} `CLOSED`; `TIMEOUT`, or the signal's reason when it aborts, and then it is still open.
   */
  drain(options?: WaitOptions): Promise<void>;

  /**
   * Accepts nothing more, publishes what waits for room, and leaves the channel. Subscribers are told when this was the last
   * publisher. A second call returns the same promise.
   *
   * Room may be long in coming, and so may the channel's lock, which another process may hold when it is stopped for one.
   * After the `timeout`, which defaults to 5000 ms and may be 0, or when the signal aborts, what waits for room fails with
   * `CLOSED`, and the promise resolves without waiting for the lock: this publisher leaves as soon as that is free, and counts
   * as one until then. It does not keep the process alive for that. Where the process ends before, the others find out as
   * they do of any process that died.
   *
   * @throws {@link ChannelError} `INVALID_ARGUMENT`.
   */
  close(options?: WaitOptions): Promise<void>;
}

/** A publisher that has joined. */
export class JoinedPublisher<T> implements Publisher<T> {
  readonly closed: Promise<PublisherCloseInfo>;
  readonly #channel: string;
  readonly #participant: Participant;
  readonly #sender: Sender<T>;
  readonly #subscribers: SubscriberWatch;
  readonly #events: Events<PublisherEvents>;
  #settleClosed: (info: PublisherCloseInfo) => void = () => {};
  #closing: Promise<void> | undefined;
  /** Calls of `drain` that wait. */
  #drains = 0;
  #ended = false;

  /** With the publisher lock held. */
  private constructor(definition: ChannelDefinition<T>, participant: Participant, options: PublisherOptions) {
    this.#channel = definition.name;
    this.#participant = participant;
    this.#events = new Events(definition.name, publisherEvents);
    this.#sender = new Sender(definition, participant, {
      disconnects: options.slowSubscribers === 'disconnect',
      timestamps: options.timestamps ?? true,
      maxWaiting: options.maxWaiting ?? DEFAULT_MAX_WAITING,
      pollWindow: options.pollWindow ?? DEFAULT_POLL_WINDOW,
    });
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    this.#subscribers = new SubscriberWatch(participant, {
      joined: (subscriber) => this.#tell('subscriberJoined', subscriber),
      left: (subscriber) => this.#tell('subscriberLeft', subscriber),
    });
    participant.ending.add(() => leaveAtExit(participant));
  }

  static async open<T>(
    definition: ChannelDefinition<T>,
    memory: ChannelMemory,
    options: PublisherOptions,
    signal: AbortSignal,
  ): Promise<JoinedPublisher<T>> {
    const publisher = await Participant.join(memory, options.name ?? '', signal, (participant) => {
      participant.activate(STATE_PUBLISHER);
      return new JoinedPublisher(definition, participant, options);
    });
    // Without the lock: it runs code of the program.
    diagnostics.open.publish(publisher.#self());
    return publisher;
  }

  get channel(): string {
    return this.#channel;
  }

  get isOpen(): boolean {
    return this.#closing === undefined;
  }

  get sequence(): number {
    return this.#sender.sequence;
  }

  get subscriberCount(): number {
    return this.isOpen ? this.#participant.roles.subscriberCount() : 0;
  }

  get position(): Position {
    return { incarnation: this.#participant.memory.incarnation, sequence: this.sequence };
  }

  on<E extends PublisherEvent>(event: E, listener: PublisherListener<E>): this {
    this.#checkListening(event, listener);
    this.#events.on(event, listener);
    this.#watchSubscribers();
    return this;
  }

  once<E extends PublisherEvent>(event: E, listener: PublisherListener<E>): this {
    this.#checkListening(event, listener);
    this.#events.once(event, listener);
    this.#watchSubscribers();
    return this;
  }

  off<E extends PublisherEvent>(event: E, listener: PublisherListener<E>): this {
    this.#events.check(event, listener);
    this.#events.off(event, listener);
    this.#watchSubscribers();
    return this;
  }

  async waitForSubscribers(count = 1, options: WaitOptions = UNLIMITED): Promise<number> {
    this.#checkOpen();
    checkValue(this.#channel, 'count', count, wholeNumber(1, MAX_PARTICIPANTS));
    this.#checkWait('waitForSubscribers()', options);
    const tooLate = () => {
      const text = `there are ${this.subscriberCount} subscribers after ${options.timeout} ms, fewer than ${count}`;
      return new ChannelError('TIMEOUT', this.#channel, text);
    };
    return this.#subscribers.waitFor(count, options, tooLate);
  }

  tryPublish(value: T): PublishOutcome {
    return this.#sender.trySend(value);
  }

  async publish(value: T, options: WaitOptions = UNLIMITED): Promise<number> {
    this.#checkWait('publish()', options);
    return this.#sender.send(value, options);
  }

  tryPublishAll(values: readonly T[]): PublishOutcome {
    return this.#sender.trySendAll(values);
  }

  async publishAll(values: readonly T[], options: WaitOptions = UNLIMITED): Promise<number> {
    this.#checkWait('publishAll()', options);
    return this.#sender.sendAll(values, options);
  }

  async flush(options: WaitOptions = UNLIMITED): Promise<void> {
    this.#checkOpen();
    this.#checkWait('flush()', options);
    await this.#sender.flush(options);
  }

  async drain(options: WaitOptions = UNLIMITED): Promise<void> {
    this.#checkOpen();
    this.#checkWait('drain()', options);
    const { signal, timeout = Number.POSITIVE_INFINITY } = options;
    const deadline = timers.now() + timeout;
    this.#drains++;
    this.#sender.refuse('the publisher is draining');
    try {
      await this.#sender.flush(options);
    } catch (error) {
      if (--this.#drains === 0 && this.isOpen) this.#sender.refuse(undefined);
      throw error;
    }
    const left = Math.max(0, Math.min(Math.ceil(deadline - timers.now()), CLOSE_TIMEOUT));
    await this.close({ signal, timeout: left });
  }

  close(options: WaitOptions = UNLIMITED): Promise<void> {
    if (this.#closing === undefined) {
      try {
        checkOptions(this.#channel, 'close()', options, waitRules);
      } catch (error) {
        return Promise.reject(error);
      }
      this.#sender.refuse('the publisher is closed');
      this.#closing = this.#close(options);
    }
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(options: WaitOptions): Promise<void> {
    const hasLock = this.#endAtOnce() || (await this.#endInTime(options));
    this.#settleClosed({ reason: 'local' });
    if (!hasLock) {
      leaveLater(this.#participant);
      return;
    }
    leaveWithLock(this.#participant);
    await this.#participant.memory.closed;
  }

  /** Where nothing waits for room. Whether the lock was taken. */
  #endAtOnce(): boolean {
    if (this.#sender.isWaiting) return false;
    this.#end();
    return this.#participant.lock.spin();
  }

  /** Publishes what waits for room, as far as there is time. Whether the lock was taken. */
  async #endInTime({ signal, timeout = CLOSE_TIMEOUT }: WaitOptions): Promise<boolean> {
    const { lock } = this.#participant;
    const tooLate = () => new Error('closing takes too long');
    try {
      await withDeadline({ signal, timeout }, tooLate, async (limit) => {
        await this.#sender.settle({ signal: limit });
        this.#end();
        await lock.acquire([limit]);
      });
      return true;
    } catch {
      this.#end();
      return lock.takeOver();
    }
  }

  /** Nothing is published from here on. */
  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#sender.close();
    this.#subscribers.close(new ChannelError('CLOSED', this.#channel, 'the publisher was closed'));
    diagnostics.close.publish(this.#self());
  }

  #self(): ParticipantDiagnostics {
    const { slot } = this.#participant;
    return { channel: this.#channel, role: 'publisher', delivery: undefined, slot };
  }

  #tell<E extends PublisherEvent>(event: E, ...args: PublisherEvents[E]): void {
    if (this.#ended) return;
    this.#events.tell(event, ...args);
    // The last listener may have listened once.
    this.#watchSubscribers();
  }

  #checkListening(event: PublisherEvent, listener: unknown): void {
    this.#events.check(event, listener);
    this.#checkOpen();
  }

  /** As long as it has listeners. */
  #watchSubscribers(): void {
    this.#subscribers.setTelling(publisherEvents.some((event) => this.#events.count(event) > 0));
  }

  #checkOpen(): void {
    if (!this.isOpen) throw new ChannelError('CLOSED', this.#channel, 'the publisher is closed');
  }

  #checkWait(what: string, options: WaitOptions): void {
    if (options === UNLIMITED) return;
    checkOptions(this.#channel, what, options, waitRules);
    options.signal?.throwIfAborted();
  }
}

showAs(JoinedPublisher.prototype, ({ channel, isOpen, sequence }) => {
  const state = isOpen ? 'open' : 'closed';
  return `Publisher { channel: '${channel}', ${state}, published up to: ${sequence} }`;
});
