import { timers } from '@mmfbus/core/internal';
import type { Message } from '../endpoint/delivery.js';
import { DEFAULT_POLL_WINDOW } from '../endpoint/look-window.js';
import type { Position } from '../endpoint/position.js';
import { MESSAGES_AT_A_TIME, Pump } from '../endpoint/pump.js';
import { Receiver } from '../endpoint/receiver.js';
import type { ChannelDefinition } from '../format/definition.js';
import { diagnostics } from '../foundation/diagnostics.js';
import { ChannelError } from '../foundation/errors.js';
import { Events } from '../foundation/events.js';
import { showAs } from '../foundation/inspect.js';
import { shown } from '../foundation/options.js';
import type { ChannelMemory } from '../membership/channel-memory.js';
import { type ParticipantCounters, readCounters } from '../membership/counters.js';
import { Participant } from '../membership/participant.js';
import { Draining } from './draining.js';
import { type MessageIterator, PulledMessages } from './message-iterator.js';
import {
  type CloseInfo,
  type CloseReason,
  type SubscriberEvent,
  type SubscriberEvents,
  type SubscriberListener,
  subscriberEvents,
} from './subscriber-events.js';
import {
  checkDrainOptions,
  DEFAULT_SLOW_THRESHOLD,
  type DrainOptions,
  type SubscriberOptions,
} from './subscriber-options.js';

/** Messages that an iterator gives without a turn of the event loop in between. */
const MESSAGES_AT_ONCE = 64;

/**
 * Takes the messages of one channel: by `message` events, by `for await`, or by `poll`, one of them at a time. Made by
 * `Channel.subscriber`. An open subscriber keeps its process alive; see {@link Subscriber.unref}.
 */
export interface Subscriber<T> extends AsyncIterable<Message<T>>, AsyncDisposable {
  /** Name of the channel. */
  readonly channel: string;
  /** Whether it takes messages still. */
  readonly isOpen: boolean;
  /** Number up to which the program has handled all messages, or has lost them; 0 before the first of the channel. */
  readonly sequence: number;
  /** That number, in this life of the channel: what `start: { after }` goes on from, also in another process. */
  readonly position: Position;
  /** Bytes of the ring that were published and not handled yet. */
  readonly lag: number;
  /** What it did since it joined. */
  readonly counters: ParticipantCounters;
  /** Resolves when the subscription has ended. */
  readonly closed: Promise<CloseInfo>;

  /**
   * Listens to an event. Messages are taken from the first listener to `message` on.
   *
   * @throws {@link ChannelError} `INVALID_ARGUMENT` for an event that there is not; `CLOSED`; `IN_USE` when messages are taken
   * otherwise.
   */
  on<E extends SubscriberEvent>(event: E, listener: SubscriberListener<T, E>): this;
  /** Listens to the next one only. */
  once<E extends SubscriberEvent>(event: E, listener: SubscriberListener<T, E>): this;
  /** Listens no more. */
  off<E extends SubscriberEvent>(event: E, listener: SubscriberListener<T, E>): this;

  /**
   * Hands what has arrived to `handler`, without waiting, for programs that drive it themselves.
   *
   * @param limit most messages to hand over. Defaults to all there are; what is published meanwhile may be left for the next call.
   * @returns how many were handed over.
   * @throws {@link ChannelError} `CLOSED`; `INVALID_ARGUMENT`; `IN_USE` when listeners or an iterator take the messages;
   * what `error` events report when they have no listener. What `handler` throws passes through; the message it threw on
   * counts as taken.
   */
  poll(handler: (message: Message<T>) => void, limit?: number): number;

  /**
   * Iterates over the messages as they arrive, until the subscription ends. A message counts as handled when the next one
   * is asked for, or the loop is left. Leaving the loop does not close the subscriber: a later loop goes on where this one
   * stopped.
   *
   * @throws {@link ChannelError} `IN_USE` when messages are taken otherwise; what `error` events report when they
   * have no listener, after everything before it was delivered.
   */
  [Symbol.asyncIterator](): MessageIterator<T>;

  /**
   * Delivers everything that was published before this call, and closes. Where messages are not taken, by listeners or
   * by iterating, it closes at once. A second call waits for the same end.
   *
   * Do not wait for it inside a `for await` loop over this subscriber: the loop would have to go on for it to settle.
   *
   * @throws {@link ChannelError} `INVALID_ARGUMENT`; `TIMEOUT` when no message was handled for as long as it was to wait, or
   * the signal's reason when it aborts: then the subscriber is still open.
   */
  drain(options?: DrainOptions): Promise<void>;

  /** Ends the subscription, where it has not ended yet, and waits until everything of it is cleaned up. */
  close(): Promise<void>;

  /** Lets the process end although this subscriber is open. */
  unref(): this;
  /** Keeps the process alive while this subscriber is open, as it does from the start. */
  ref(): this;
}

/** A subscriber that has joined. */
export class JoinedSubscriber<T> implements Subscriber<T> {
  readonly closed: Promise<CloseInfo>;
  readonly #channel: string;
  readonly #participant: Participant;
  readonly #receiver: Receiver<T>;
  readonly #pump: Pump;
  readonly #events: Events<SubscriberEvents<T>>;
  readonly #closesWithPublishers: boolean;
  /** Ends the subscription when no publisher has come by then. */
  #firstPublisherTimer: NodeJS.Timeout | undefined;
  /** The one iterator that takes the messages. */
  #iterator: PulledMessages<T> | undefined;
  #atOnce = 0;
  #pulled: Message<T> | undefined;
  #polling = false;
  /** Whether messages are being read: a handler that runs meanwhile must not begin again. */
  #taking = false;
  #draining: Draining | undefined;
  #open = true;
  #tellClosed: (info: CloseInfo) => void = () => {};
  #lastCounters: ParticipantCounters | undefined;
  /** The only listener of messages, where there is one, and when that was looked up. */
  #only: ((message: Message<T>) => void) | undefined;
  #changes = 0;

  /** With the publisher lock held. */
  private constructor(
    definition: ChannelDefinition<T>,
    participant: Participant,
    options: SubscriberOptions,
  ) {
    this.#channel = definition.name;
    this.#participant = participant;
    this.#events = new Events(definition.name, subscriberEvents);
    const { closeWithPublishers = false, delivery = 'reliable', start } = options;
    const { slowThreshold = DEFAULT_SLOW_THRESHOLD, pollWindow = DEFAULT_POLL_WINDOW } = options;
    this.#receiver = new Receiver(
      definition,
      participant,
      { delivery, start, slowThreshold },
      {
        gap: (gap) => this.#events.tell('gap', gap),
        joined: (publisher) => this.#events.tell('publisherJoined', publisher),
        slow: (slow) => this.#events.tell('slow', slow),
        error: (error) => {
          if (this.#events.count('error') === 0) throw error;
          this.#events.tell('error', error);
        },
        end: (reason) => this.#finish(reason),
      },
    );
    this.#pump = new Pump(participant, this.#receiver, pollWindow, () => this.#turn());
    participant.namesRemoved.add((error) => this.#events.tell('error', error));
    this.closed = new Promise((resolve) => {
      this.#tellClosed = resolve;
    });
    this.#closesWithPublishers = closeWithPublishers !== false;
    if (typeof closeWithPublishers === 'object') this.#waitForFirstPublisher(closeWithPublishers.timeout);
  }

  static async open<T>(
    definition: ChannelDefinition<T>,
    memory: ChannelMemory,
    options: SubscriberOptions,
    signal: AbortSignal,
  ): Promise<JoinedSubscriber<T>> {
    const subscriber = await Participant.join(
      memory,
      options.name ?? '',
      signal,
      (participant) => new JoinedSubscriber(definition, participant, options),
    );
    // Without the lock: it runs code of the program.
    diagnostics.open.publish(subscriber.#receiver.self);
    return subscriber;
  }

  get channel(): string {
    return this.#channel;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  get sequence(): number {
    return this.#receiver.sequence;
  }

  get position(): Position {
    return this.#receiver.position;
  }

  get lag(): number {
    return this.#open ? this.#receiver.committed() - this.#receiver.handled : 0;
  }

  get counters(): ParticipantCounters {
    return this.#lastCounters ?? readCounters(this.#participant.memory, this.#participant.slot);
  }

  on<E extends SubscriberEvent>(event: E, listener: SubscriberListener<T, E>): this {
    this.#checkListening(event, listener);
    this.#events.on(event, listener);
    return this;
  }

  once<E extends SubscriberEvent>(event: E, listener: SubscriberListener<T, E>): this {
    this.#checkListening(event, listener);
    this.#events.once(event, listener);
    return this;
  }

  off<E extends SubscriberEvent>(event: E, listener: SubscriberListener<T, E>): this {
    this.#events.check(event, listener);
    this.#events.off(event, listener);
    this.#endDrainUnlessTaken();
    return this;
  }

  poll(handler: (message: Message<T>) => void, limit: number = Number.POSITIVE_INFINITY): number {
    if (typeof handler !== 'function') throw this.#invalid('handler must be a function', handler);
    if (typeof limit !== 'number' || !(limit >= 0)) {
      throw this.#invalid('limit must be a number of messages of at least 0', limit);
    }
    this.#checkOpen();
    this.#checkFree(this.#iterator !== undefined || this.#isListening());
    this.#polling = true;
    this.#receiver.look();
    try {
      return this.#take((message) => {
        handler(message);
        return true;
      }, limit);
    } finally {
      this.#polling = false;
    }
  }

  [Symbol.asyncIterator](): MessageIterator<T> {
    return new PulledMessages<T>({
      begin: (iterator) => {
        this.#checkFree(this.#iterator !== undefined || this.#isListening());
        if (this.#open) this.#iterator = iterator;
      },
      pull: () => this.#pull(),
      want: () => this.#pump.schedule(),
      end: () => {
        this.#iterator = undefined;
        if (this.#open) this.#receiver.finishHand();
        this.#endDrainUnlessTaken();
      },
    });
  }

  async drain(options: DrainOptions = {}): Promise<void> {
    const { signal, timeout } = checkDrainOptions(this.#channel, options);
    signal?.throwIfAborted();
    if (this.#open && this.#isTaken()) {
      this.#draining ??= new Draining(this.#receiver, this.#receiver.committed());
      const draining = this.#draining;
      const drained = draining.wait({ signal, timeout, onStalled: () => this.#stalled(timeout) });
      this.#pump.schedule();
      try {
        await drained;
      } finally {
        if (draining.isGivenUp) this.#draining = undefined;
      }
    }
    return this.close();
  }

  #stalled(timeout: number): ChannelError {
    const hand =
      this.#iterator !== undefined && !this.#iterator.isWaiting
        ? `; the loop has message ${this.#receiver.lastRead} in hand and has not asked for the next one`
        : '';
    return new ChannelError('TIMEOUT', this.#channel, `no message was handled within ${timeout} ms${hand}`);
  }

  async close(): Promise<void> {
    this.#finish('local');
    await this.#participant.memory.closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  unref(): this {
    this.#pump.unref();
    this.#firstPublisherTimer?.unref();
    return this;
  }

  ref(): this {
    this.#pump.ref();
    this.#firstPublisherTimer?.ref();
    return this;
  }

  #checkOpen(): void {
    if (!this.#open) throw new ChannelError('CLOSED', this.#channel, 'the subscriber is closed');
  }

  #checkListening(event: SubscriberEvent, listener: unknown): void {
    this.#events.check(event, listener);
    this.#checkOpen();
    if (event !== 'message') return;
    this.#checkFree(this.#iterator !== undefined);
    this.#pump.schedule();
  }

  /** Refuses a second way of taking messages. */
  #checkFree(taken: boolean): void {
    if (!taken && !this.#polling) return;
    const how = this.#polling ? 'poll' : this.#iterator !== undefined ? 'an iterator' : 'listeners';
    throw new ChannelError('IN_USE', this.#channel, `messages are taken by ${how}`);
  }

  #invalid(rule: string, value: unknown): ChannelError {
    return new ChannelError('INVALID_ARGUMENT', this.#channel, `${rule}, not ${shown(value)}`);
  }

  /** Whether there is who takes messages. */
  #isTaken(): boolean {
    return this.#iterator !== undefined || this.#isListening();
  }

  #endDrainUnlessTaken(): void {
    if (this.#draining === undefined || this.#taking || this.#isTaken()) return;
    this.#finish('local');
  }

  #isListening(): boolean {
    return this.#events.count('message') > 0;
  }

  /** Takes messages for the program; see {@link Pump}. */
  #turn(): number | undefined {
    const iterator = this.#iterator;
    // An iterator that did not ask has enough, and without listeners there is no need.
    if (iterator === undefined ? !this.#isListening() : !iterator.isWaiting) return undefined;
    let taken = 0;
    try {
      this.#atOnce = 0;
      taken = iterator === undefined ? this.#takeForListeners() : iterator.serve();
    } finally {
      if (!this.#endDrainAtGoal()) this.#endDrainUnlessTaken();
    }
    return iterator?.isWaiting === false ? undefined : taken;
  }

  #takeForListeners(): number {
    return this.#take(this.#toListeners, MESSAGES_AT_A_TIME);
  }

  readonly #toListeners = (message: Message<T>): boolean => {
    const events = this.#events;
    if (events.changes !== this.#changes) {
      this.#changes = events.changes;
      this.#only = events.only('message');
    }
    if (this.#only === undefined) events.emit('message', message);
    else this.#only(message);
    // It may have been the last listener's last message.
    return (this.#only !== undefined && events.changes === this.#changes) || this.#isListening();
  };

  /** The next message, for the iterator. Undefined also where the event loop is to have its turn first. */
  #pull(): Message<T> | 'ended' | undefined {
    if (!this.#open) return 'ended';
    if (this.#taking || this.#atOnce >= MESSAGES_AT_ONCE) return undefined;
    if (this.#draining !== undefined) {
      this.#receiver.finishHand();
      if (this.#endDrainAtGoal()) return 'ended';
    }
    this.#atOnce++;
    this.#pulled = undefined;
    this.#take(
      (message) => {
        this.#pulled = message;
        return true;
      },
      1,
      true,
    );
    // Nothing is delivered after the end.
    return this.#open ? this.#pulled : 'ended';
  }

  #endDrainAtGoal(): boolean {
    const isDone = this.#draining?.isDone === true;
    if (isDone) this.#finish('local');
    return isDone;
  }

  #take(deliver: (message: Message<T>) => boolean, limit: number, keepsLast: boolean = false): number {
    this.#taking = true;
    let taken = 0;
    try {
      taken = this.#receiver.take(deliver, limit, keepsLast);
    } finally {
      this.#taking = false;
    }
    if (taken < limit && this.#open) this.#tellOfLeaving();
    return taken;
  }

  #tellOfLeaving(): void {
    // Looked at before the listeners run, which may open one.
    const left = this.#receiver.takeLeft();
    const gone = this.#receiver.takeGone();
    const over = this.#receiver.overBy();
    for (const publisher of left) this.#events.tell('publisherLeft', publisher);
    if (gone !== undefined && this.#open) this.#events.tell('publishersGone', gone);
    if (over !== undefined && this.#closesWithPublishers) this.#finish(over);
  }

  #waitForFirstPublisher(timeout: number): void {
    this.#firstPublisherTimer = timers.setTimeout(() => {
      if (!this.#receiver.hadPublisher()) this.#finish('timeout');
    }, timeout);
  }

  #finish(reason: CloseReason): void {
    if (!this.#open) return;
    this.#open = false;
    this.#pump.stop();
    timers.clearTimeout(this.#firstPublisherTimer);
    this.#receiver.countTaken();
    this.#lastCounters = readCounters(this.#participant.memory, this.#participant.slot);
    this.#receiver.leave();
    this.#draining?.end();
    this.#iterator?.finish();
    this.#events.tell('close', { reason });
    this.#tellClosed({ reason });
  }
}

showAs(JoinedSubscriber.prototype, ({ channel, isOpen, sequence, lag }) => {
  const state = isOpen ? `open, ${lag} bytes behind` : 'closed';
  return `Subscriber { channel: '${channel}', ${state}, handled up to: ${sequence} }`;
});
