import { yieldThread } from '@mmfbus/core';
import { EventEmitter } from 'eventemitter3';
import type { ChannelMemory } from './channel-memory.js';
import type { ChannelDefinition } from './definition.js';
import { ChannelError } from './errors.js';
import type { CloseReason, Message, MessageMeta, SubscriberEvents } from './subscriber-events.js';
import { DEFAULT_POLL_WINDOW, type SubscriberOptions } from './subscriber-options.js';
import { Subscription } from './subscription.js';

/** A window that would shrink below this part of the option is closed: looking again would not have paid for long. */
const SHORTEST_WINDOW_PART = 16;
/** Milliseconds of the window in which it gives way to nobody, not even to its own event loop for some looks. */
const WINDOW_TO_ITSELF = 0.01;
/** So many looks take about as long as a turn of the event loop. */
const LOOKS_A_TURN = 100;
/** Turns with few messages that follow one another at most before the event loop has its own. */
const TURNS_AT_ONCE = 16;
/** So many messages are few: whoever sent them may wait for an answer. */
const FEW = 4;
/** So many messages at once are a flood. */
const MANY = 16;
/**
 * Milliseconds that messages of a flood may gather: as long as nobody reads next to where they are written, publishing
 * them takes less.
 */
const GATHERING = 0.05;
/** Messages that are delivered in one turn of the event loop. */
const MESSAGES_A_TURN = 256;
/** Messages that an iterator takes ahead. */
const MESSAGES_AHEAD = 64;
const LONGEST_PAUSE_MS = 32;

/**
 * Takes the messages of one channel: by `message` events, by `for await`, or by `poll`, one of them at a time. Made by
 * `Channel.subscriber`. An open subscriber keeps its process alive; see {@link Subscriber.unref}.
 */
export class Subscriber<T> extends EventEmitter<SubscriberEvents<T>> {
  readonly #subscription: Subscription<T>;
  readonly #channel: string;
  readonly #endWithPublishers: boolean;
  readonly #longestWindow: number;
  #window: number;
  #idleSince = 0;
  #asleepSince = 0;
  #turnsAtOnce = 0;
  #gathersUntil = 0;
  #pause = 0;
  #iterating = false;
  #polling = false;
  #keepsAlive = true;
  #scheduled: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Taken ahead for an iterator, not yet given to it. */
  #ahead: Message<T>[] = [];
  #arrived: (() => void) | undefined;
  #failure: unknown;
  #draining: { readonly position: number; readonly done: () => void } | undefined;
  #open = true;

  private constructor(
    definition: ChannelDefinition<T>,
    subscription: Subscription<T>,
    options: SubscriberOptions,
  ) {
    super();
    this.#channel = definition.name;
    this.#subscription = subscription;
    this.#endWithPublishers = options.endWithPublishers ?? false;
    this.#longestWindow = (options.pollWindow ?? DEFAULT_POLL_WINDOW) / 1000;
    this.#window = this.#longestWindow;
    subscription.hooks = {
      rung: () => this.#onRing(),
      gap: (gap) => this.emit('gap', gap),
      slow: (slow) => this.emit('slow', slow),
      error: (error) => {
        if (!this.emit('error', error)) throw error;
      },
      end: (reason) => this.#finish(reason),
    };
  }

  /** @internal */
  static async open<T>(
    definition: ChannelDefinition<T>,
    memory: ChannelMemory,
    options: SubscriberOptions,
  ): Promise<Subscriber<T>> {
    const subscription = await Subscription.join(definition, memory, options);
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

  /**
   * Hands what has arrived to `handler`, without waiting, for programs that drive it themselves.
   *
   * @param limit most messages to hand over. Defaults to all there are.
   * @returns how many it were.
   * @throws {@link ChannelError} `CLOSED`; `IN_USE` when listeners or an iterator take the messages. What `handler`
   * throws passes through; the message it threw on counts as taken.
   */
  poll(handler: (value: T, meta: MessageMeta) => void, limit: number = Number.POSITIVE_INFINITY): number {
    if (!this.#open) throw new ChannelError('CLOSED', this.#channel, 'the subscriber is closed');
    this.#checkFree(this.#iterating || this.#isListening());
    this.#polling = true;
    try {
      return this.#deliver((value, meta) => {
        handler(value, meta);
        return true;
      }, limit);
    } finally {
      this.#polling = false;
    }
  }

  /**
   * Iterates over the messages as they arrive, until the subscription ends. Leaving the loop does not close the
   * subscriber: a later loop goes on where this one stopped.
   *
   * @throws {@link ChannelError} `IN_USE` when messages are taken otherwise; what `error` events report when nobody
   * listens to them.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Message<T>, void, undefined> {
    this.#checkFree(this.#iterating || this.#isListening());
    this.#iterating = true;
    try {
      for (;;) {
        for (let next = this.#ahead.shift(); next !== undefined; next = this.#ahead.shift()) yield next;
        if (!this.#open) return;
        await new Promise<void>((resolve) => {
          this.#arrived = resolve;
          this.#schedule();
        });
        if (this.#failure !== undefined) {
          const failure = this.#failure;
          this.#failure = undefined;
          throw failure;
        }
      }
    } finally {
      this.#iterating = false;
      this.#arrived = undefined;
    }
  }

  /**
   * Delivers everything that was published before this call, and closes. Where nobody takes messages, by listeners or
   * by iterating, it closes at once.
   */
  async drain(): Promise<void> {
    if (this.#open && (this.#iterating || this.#isListening())) {
      const position = this.#subscription.committed();
      await new Promise<void>((done) => {
        this.#draining = { position, done };
        this.#schedule();
      });
    }
    return this.close();
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
    this.#keepsAlive = false;
    if (this.#open) this.#subscription.unref();
    this.#scheduled?.unref();
    this.#timer?.unref();
    return this;
  }

  /** Keeps the process alive while this subscriber is open, as it does from the start. */
  ref(): this {
    this.#keepsAlive = true;
    if (this.#open) this.#subscription.ref();
    this.#scheduled?.ref();
    this.#timer?.ref();
    return this;
  }

  /** Refuses a second way of taking messages. */
  #checkFree(taken: boolean): void {
    if (!taken && !this.#polling) return;
    const how = this.#polling ? 'poll' : this.#iterating ? 'an iterator' : 'listeners';
    throw new ChannelError('IN_USE', this.#channel, `messages are taken by ${how}`);
  }

  #isListening(): boolean {
    return this.listenerCount('message') > 0;
  }

  #startListening(): void {
    this.#checkFree(this.#iterating);
    this.#schedule();
  }

  #schedule(): void {
    if (!this.#open || this.#scheduled !== undefined) return;
    this.#scheduled = setImmediate(() => {
      this.#scheduled = undefined;
      this.#turn();
    });
    if (!this.#keepsAlive) this.#scheduled.unref();
  }

  #onRing(): void {
    if (this.#open && this.#subscription.isAsleep) this.#turn();
  }

  /** One turn: take some, and see what to do next. */
  #turn(): void {
    if (!this.#open) return;
    if (this.#gathersUntil !== 0) {
      if (performance.now() < this.#gathersUntil) {
        this.#schedule();
        return;
      }
      this.#gathersUntil = 0;
    }
    if (this.#subscription.isAsleep) this.#wakeUp();
    // An iterator that did not ask has enough; nobody asks where nobody listens.
    if (this.#iterating ? this.#arrived === undefined : !this.#isListening()) return;
    let taken = 1;
    try {
      taken = this.#iterating ? this.#takeAhead() : this.#takeForListeners();
    } catch (error) {
      if (!this.#iterating) throw error;
      this.#failure = error;
    } finally {
      this.#goOn(taken);
    }
  }

  /** Where looking a little longer would have spared the sleep, it is worth it the next time. */
  #wakeUp(): void {
    this.#subscription.wakeUp();
    if (performance.now() - this.#asleepSince < this.#longestWindow) this.#window = this.#longestWindow;
  }

  #takeForListeners(): number {
    return this.#deliver((value, meta) => {
      this.emit('message', value, meta);
      // It may have been the last listener's last message.
      return this.#isListening();
    }, MESSAGES_A_TURN);
  }

  #takeAhead(): number {
    return this.#take((value, meta) => this.#ahead.push({ value, ...meta }) > 0, MESSAGES_AHEAD);
  }

  /** Delivers what was taken ahead for an iterator that stopped, then what is in the ring. */
  #deliver(deliver: (value: T, meta: MessageMeta) => boolean, limit: number): number {
    let delivered = 0;
    while (delivered < limit) {
      const next = this.#ahead.shift();
      if (next === undefined) return delivered + this.#take(deliver, limit - delivered);
      const { value, ...meta } = next;
      delivered++;
      if (!deliver(value, meta)) break;
    }
    return delivered;
  }

  #goOn(taken: number): void {
    if (this.#draining !== undefined && this.#subscription.position >= this.#draining.position) {
      this.#finish('local');
    }
    if (
      this.#arrived !== undefined &&
      (this.#ahead.length > 0 || this.#failure !== undefined || !this.#open)
    ) {
      this.#arrived();
      this.#arrived = undefined;
      return;
    }
    if (!this.#open) return;
    if (taken > 0) {
      this.#idleSince = 0;
      this.#pause = 0;
      this.#goOnAfter(taken);
      return;
    }
    this.#rest();
  }

  /** Behind what the program does at once with what it got: the next message may be the answer to its own. */
  #goOnAfter(taken: number): void {
    if (taken <= FEW && this.#turnsAtOnce++ < TURNS_AT_ONCE) {
      queueMicrotask(() => this.#turn());
      return;
    }
    this.#turnsAtOnce = 0;
    const took = taken >= MANY && taken < MESSAGES_A_TURN;
    if (took && this.#subscription.hasRoom) this.#gathersUntil = performance.now() + GATHERING;
    this.#schedule();
  }

  /** Nothing is there: look again for a while, then sleep until the bell rings. */
  #rest(): void {
    const now = performance.now();
    if (this.#idleSince === 0) this.#idleSince = now;
    const idle = now - this.#idleSince;
    if (idle < this.#window) {
      // Whoever is to publish the next message may wait for this very core.
      if (idle > WINDOW_TO_ITSELF) yieldThread();
      else if (this.#subscription.lookFor(LOOKS_A_TURN)) {
        this.#turn();
        return;
      }
      this.#schedule();
      return;
    }
    const rest = this.#subscription.fallAsleep();
    if (rest === 'asleep') {
      const shortest = this.#longestWindow / SHORTEST_WINDOW_PART;
      this.#window = this.#window > shortest ? this.#window / 2 : 0;
      this.#asleepSince = now;
      this.#idleSince = 0;
      this.#pause = 0;
    } else if (rest === 'locked') {
      this.#lookAgainLater();
    } else {
      this.#window = this.#longestWindow;
      this.#schedule();
    }
  }

  /** A publisher holds the lock: it is about to publish, was stopped, or died. */
  #lookAgainLater(): void {
    if (this.#pause === 0) {
      this.#pause = 1;
      // It may wait for this very core.
      yieldThread();
      this.#schedule();
      return;
    }
    this.#subscription.recover();
    this.#timer = setTimeout(() => this.#turn(), this.#pause);
    if (!this.#keepsAlive) this.#timer.unref();
    this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE_MS);
  }

  #take(deliver: (value: T, meta: MessageMeta) => boolean, limit: number): number {
    const closed = this.#subscription.closedNews();
    const taken = this.#subscription.take(deliver, limit);
    if (taken < limit && closed !== undefined && this.#open) {
      this.#subscription.acknowledgeClosed(closed.epoch);
      this.emit('closed', { reason: closed.reason });
      if (this.#endWithPublishers) this.#finish(closed.reason);
    }
    return taken;
  }

  #finish(reason: CloseReason): void {
    if (!this.#open) return;
    this.#open = false;
    clearImmediate(this.#scheduled);
    clearTimeout(this.#timer);
    this.#subscription.leave();
    this.#draining?.done();
    this.#arrived?.();
    this.#arrived = undefined;
    this.emit('close', { reason });
  }
}
