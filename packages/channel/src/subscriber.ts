import { timers } from '@mmfbus/core';
import { EventEmitter } from 'eventemitter3';
import type { ChannelMemory } from './channel-memory.js';
import type { ChannelDefinition } from './definition.js';
import { ChannelError } from './errors.js';
import { MessageIterator } from './message-iterator.js';
import { MESSAGES_A_TURN, Pump } from './pump.js';
import type { CloseReason, Message, MessageMeta, SubscriberEvents } from './subscriber-events.js';
import {
  checkDrainOptions,
  DEFAULT_POLL_WINDOW,
  type DrainOptions,
  type SubscriberOptions,
} from './subscriber-options.js';
import { Subscription } from './subscription.js';

/** Messages that an iterator gives without a turn of the event loop in between. */
const MESSAGES_AT_ONCE = 64;

/** What was asked of {@link Subscriber.drain}. */
interface Draining {
  /** Position up to which everything is to be handled. */
  readonly goal: number;
  /** Settle the calls that wait. */
  readonly ends: Set<(error?: unknown) => void>;
}

/**
 * Takes the messages of one channel: by `message` events, by `for await`, or by `poll`, one of them at a time. Made by
 * `Channel.subscriber`. An open subscriber keeps its process alive; see {@link Subscriber.unref}.
 */
export class Subscriber<T> extends EventEmitter<SubscriberEvents<T>> {
  readonly #subscription: Subscription<T>;
  readonly #pump: Pump;
  readonly #channel: string;
  readonly #endWithPublishers: boolean;
  /** Ends the subscription when no publisher has come by then. */
  #firstPublisherTimer: NodeJS.Timeout | undefined;
  #hadPublisher = false;
  /** The one iterator that takes the messages. */
  #iterator: MessageIterator<T> | undefined;
  #atOnce = 0;
  #pulled: Message<T> | undefined;
  #polling = false;
  /** Whether messages are being read: a handler that runs meanwhile must not begin again. */
  #taking = false;
  #draining: Draining | undefined;
  #open = true;

  private constructor(
    definition: ChannelDefinition<T>,
    subscription: Subscription<T>,
    options: SubscriberOptions,
  ) {
    super();
    this.#channel = definition.name;
    this.#subscription = subscription;
    const { endWithPublishers = false } = options;
    this.#endWithPublishers = endWithPublishers !== false;
    const window = (options.pollWindow ?? DEFAULT_POLL_WINDOW) / 1000;
    this.#pump = new Pump(subscription as Subscription<unknown>, window, () => this.#turn());
    subscription.hooks = {
      rung: () => this.#pump.onRing(),
      gap: (gap) => this.#tell(() => this.emit('gap', gap)),
      slow: (slow) => this.#tell(() => this.emit('slow', slow)),
      error: (error) => {
        if (this.listenerCount('error') === 0) throw error;
        this.#tell(() => this.emit('error', error));
      },
      warning: (error) => this.#tell(() => this.emit('error', error)),
      end: (reason) => this.#finish(reason),
    };
    if (typeof endWithPublishers === 'object') this.#waitForFirstPublisher(endWithPublishers.timeout);
  }

  /** @internal */
  static async open<T>(
    definition: ChannelDefinition<T>,
    memory: ChannelMemory,
    options: SubscriberOptions,
    signal: AbortSignal,
  ): Promise<Subscriber<T>> {
    const subscription = await Subscription.join(definition, memory, options, signal);
    return new Subscriber(definition, subscription, options);
  }

  /** Name of the channel. */
  get channel(): string {
    return this.#channel;
  }

  /** Whether it takes messages still. */
  get isOpen(): boolean {
    return this.#open;
  }

  override on<E extends EventEmitter.EventNames<SubscriberEvents<T>>>(
    event: E,
    listener: EventEmitter.EventListener<SubscriberEvents<T>, E>,
    context?: unknown,
  ): this {
    if (event === 'message') this.#startListening();
    return super.on(event, listener, context);
  }

  override once<E extends EventEmitter.EventNames<SubscriberEvents<T>>>(
    event: E,
    listener: EventEmitter.EventListener<SubscriberEvents<T>, E>,
    context?: unknown,
  ): this {
    if (event === 'message') this.#startListening();
    return super.once(event, listener, context);
  }

  override addListener<E extends EventEmitter.EventNames<SubscriberEvents<T>>>(
    event: E,
    listener: EventEmitter.EventListener<SubscriberEvents<T>, E>,
    context?: unknown,
  ): this {
    return this.on(event, listener, context);
  }

  override removeListener<E extends EventEmitter.EventNames<SubscriberEvents<T>>>(
    event: E,
    listener?: EventEmitter.EventListener<SubscriberEvents<T>, E>,
    context?: unknown,
    once?: boolean,
  ): this {
    super.removeListener(event, listener, context, once);
    this.#endDrainUnlessTaken();
    return this;
  }

  override off<E extends EventEmitter.EventNames<SubscriberEvents<T>>>(
    event: E,
    listener?: EventEmitter.EventListener<SubscriberEvents<T>, E>,
    context?: unknown,
    once?: boolean,
  ): this {
    return this.removeListener(event, listener, context, once);
  }

  override removeAllListeners(event?: EventEmitter.EventNames<SubscriberEvents<T>>): this {
    super.removeAllListeners(event);
    this.#endDrainUnlessTaken();
    return this;
  }

  /**
   * Hands what has arrived to `handler`, without waiting, for programs that drive it themselves.
   *
   * @param limit most messages to hand over. Defaults to all there are.
   * @returns how many were handed over.
   * @throws {@link ChannelError} `CLOSED`; `INVALID_ARGUMENT`; `IN_USE` when listeners or an iterator take the messages;
   * what `error` events report when nobody listens to them. What `handler` throws passes through; the message it threw on
   * counts as taken.
   */
  poll(handler: (value: T, meta: MessageMeta) => void, limit: number = Number.POSITIVE_INFINITY): number {
    if (typeof handler !== 'function') throw this.#invalid('handler must be a function', handler);
    if (typeof limit !== 'number' || !(limit >= 0)) {
      throw this.#invalid('limit must be a number of messages of at least 0', limit);
    }
    if (!this.#open) throw new ChannelError('CLOSED', this.#channel, 'the subscriber is closed');
    this.#checkFree(this.#iterator !== undefined || this.#isListening());
    this.#polling = true;
    try {
      return this.#take((value, meta) => {
        handler(value, meta);
        return true;
      }, limit);
    } finally {
      this.#polling = false;
    }
  }

  /**
   * Iterates over the messages as they arrive, until the subscription ends. A message counts as handled when the next one
   * is asked for, or the loop is left. Leaving the loop does not close the subscriber: a later loop goes on where this one
   * stopped.
   *
   * @throws {@link ChannelError} `IN_USE` when messages are taken otherwise; what `error` events report when nobody
   * listens to them, after everything before it was delivered.
   */
  [Symbol.asyncIterator](): MessageIterator<T> {
    return new MessageIterator({
      begin: (iterator) => {
        this.#checkFree(this.#iterator !== undefined || this.#isListening());
        if (this.#open) this.#iterator = iterator;
      },
      pull: () => this.#pull(),
      want: () => this.#pump.schedule(),
      end: () => {
        this.#iterator = undefined;
        if (this.#open) this.#subscription.finishHand();
        this.#endDrainUnlessTaken();
      },
    });
  }

  /**
   * Delivers everything that was published before this call, and closes. Where nobody takes messages, by listeners or
   * by iterating, it closes at once. A second call waits for the same end.
   *
   * Do not wait for it inside a `for await` loop over this subscriber: the loop would have to go on for it to settle.
   *
   * @throws {@link ChannelError} `INVALID_ARGUMENT`; `TIMEOUT` when no message was handled for as long as it was to wait, or
   * the signal's reason when it aborts: then the subscriber is still open.
   */
  async drain(options: DrainOptions = {}): Promise<void> {
    const { signal, timeout } = checkDrainOptions(this.#channel, options);
    signal?.throwIfAborted();
    if (this.#open && this.#isTaken()) {
      const goal = this.#draining?.goal ?? this.#subscription.committed();
      this.#draining ??= { goal, ends: new Set() };
      await this.#drained(this.#draining, signal, timeout);
    }
    return this.close();
  }

  /** Settles with the end of the draining, or rejects where that is given up. */
  async #drained(draining: Draining, signal: AbortSignal | undefined, timeout: number): Promise<void> {
    let end: (error?: unknown) => void = () => {};
    let timer: NodeJS.Timeout | undefined;
    const abort = () => end(signal?.reason);
    try {
      await new Promise<void>((resolve, reject) => {
        let { handled } = this.#subscription;
        end = (error) => (error === undefined ? resolve() : reject(error));
        const look = () => {
          if (this.#subscription.handled === handled) return end(this.#stalled(timeout));
          handled = this.#subscription.handled;
          timer = timers.setTimeout(look, timeout);
        };
        if (timeout !== Number.POSITIVE_INFINITY) timer = timers.setTimeout(look, timeout);
        signal?.addEventListener('abort', abort, { once: true });
        draining.ends.add(end);
        this.#pump.schedule();
      });
    } finally {
      timers.clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      draining.ends.delete(end);
      if (draining.ends.size === 0) this.#draining = undefined;
    }
  }

  #stalled(timeout: number): ChannelError {
    const hand =
      this.#iterator !== undefined && !this.#iterator.isWaiting
        ? `; the loop has message ${this.#subscription.lastRead} in hand and has not asked for the next one`
        : '';
    return new ChannelError('TIMEOUT', this.#channel, `no message was handled within ${timeout} ms${hand}`);
  }

  /** Ends the subscription, where it has not ended yet, and waits until everything of it is cleaned up. */
  async close(): Promise<void> {
    this.#finish('local');
    await this.#subscription.left;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Lets the process end although this subscriber is open. */
  unref(): this {
    this.#pump.unref();
    this.#firstPublisherTimer?.unref();
    return this;
  }

  /** Keeps the process alive while this subscriber is open, as it does from the start. */
  ref(): this {
    this.#pump.ref();
    this.#firstPublisherTimer?.ref();
    return this;
  }

  /** Refuses a second way of taking messages. */
  #checkFree(taken: boolean): void {
    if (!taken && !this.#polling) return;
    const how = this.#polling ? 'poll' : this.#iterator !== undefined ? 'an iterator' : 'listeners';
    throw new ChannelError('IN_USE', this.#channel, `messages are taken by ${how}`);
  }

  #invalid(rule: string, value: unknown): ChannelError {
    return new ChannelError('INVALID_ARGUMENT', this.#channel, `${rule}, not ${describe(value)}`);
  }

  /** What a listener throws is the program's to see, as if nothing called it: it must not break off what goes on here. */
  #tell(emit: () => void): void {
    try {
      emit();
    } catch (error) {
      timers.setImmediate(() => {
        throw error;
      });
    }
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
    return this.listenerCount('message') > 0;
  }

  #startListening(): void {
    this.#checkFree(this.#iterator !== undefined);
    this.#pump.schedule();
  }

  /** Takes messages for those who want some; see {@link Pump}. */
  #turn(): number | undefined {
    const iterator = this.#iterator;
    // An iterator that did not ask has enough; where nobody listens, nobody asks.
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
    return this.#take((value, meta) => {
      this.emit('message', value, meta);
      // It may have been the last listener's last message.
      return this.#isListening();
    }, MESSAGES_A_TURN);
  }

  /** The next message, for the iterator. Undefined also where the event loop is to have its turn first. */
  #pull(): Message<T> | 'ended' | undefined {
    if (!this.#open) return 'ended';
    if (this.#taking || this.#atOnce >= MESSAGES_AT_ONCE) return undefined;
    if (this.#draining !== undefined) {
      this.#subscription.finishHand();
      if (this.#endDrainAtGoal()) return 'ended';
    }
    this.#atOnce++;
    this.#pulled = undefined;
    this.#take(
      (value, meta) => {
        this.#pulled = { value, ...meta };
        return true;
      },
      1,
      true,
    );
    // Nothing is delivered after the end.
    return this.#open ? this.#pulled : 'ended';
  }

  #endDrainAtGoal(): boolean {
    const isDone = this.#draining !== undefined && this.#subscription.handled >= this.#draining.goal;
    if (isDone) this.#finish('local');
    return isDone;
  }

  #take(
    deliver: (value: T, meta: MessageMeta) => boolean,
    limit: number,
    keepsLast: boolean = false,
  ): number {
    const closed = this.#subscription.closedNews();
    this.#taking = true;
    let taken = 0;
    try {
      taken = this.#subscription.take(deliver, limit, keepsLast);
    } finally {
      this.#taking = false;
    }
    if (taken < limit && closed !== undefined && this.#open) this.#onClosed(closed);
    return taken;
  }

  /** All that the publishers published that are gone was delivered. */
  #onClosed({ epoch, reason }: { readonly epoch: number; readonly reason: 'closed' | 'lost' }): void {
    this.#subscription.acknowledgeClosed(epoch);
    this.#hadPublisher = true;
    // Looked at before the listeners run, which may open one.
    const isOver = !this.#subscription.hasPublisher() && this.#subscription.closedNews() === undefined;
    this.#tell(() => this.emit('closed', { reason }));
    if (this.#endWithPublishers && isOver) this.#finish(reason);
  }

  #waitForFirstPublisher(timeout: number): void {
    const start = this.#subscription.committed();
    this.#firstPublisherTimer = timers.setTimeout(() => {
      const hasCome =
        this.#subscription.hasPublisher() ||
        this.#subscription.closedNews() !== undefined ||
        this.#subscription.committed() !== start;
      if (!hasCome && !this.#hadPublisher) this.#finish('timeout');
    }, timeout);
  }

  #finish(reason: CloseReason): void {
    if (!this.#open) return;
    this.#open = false;
    this.#pump.stop();
    timers.clearTimeout(this.#firstPublisherTimer);
    this.#subscription.leave();
    for (const end of this.#draining?.ends ?? []) end();
    this.#iterator?.finish();
    this.#tell(() => this.emit('close', { reason }));
  }
}

/** A value in an error message. */
function describe(value: unknown): string {
  return typeof value === 'object' && value !== null ? Object.prototype.toString.call(value) : String(value);
}
