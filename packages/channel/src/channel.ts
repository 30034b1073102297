import type { Codec, StandardOutput, StandardSchema } from '@mmfbus/codec';
import type { ValidNamespace } from '@mmfbus/core';
import { Listing } from './bus/listing.js';
import { type ChannelMemory, openChannelMemory } from './channel-memory.js';
import { withDeadline } from './deadline.js';
import {
  type AnyChannelOptions,
  type ChannelDefinition,
  type ChannelOptions,
  checkDefinition,
  type ShapedChannelOptions,
} from './definition.js';
import { ChannelError } from './errors.js';
import { DEFAULT_JOIN_TIMEOUT_MS, type JoinOptions } from './join-options.js';
import { describeLockHolder } from './participants/lock-holder.js';
import { checkPublisherOptions, Publisher, type PublisherOptions } from './publisher.js';
import { Subscriber } from './subscriber.js';
import { checkSubscriberOptions, type SubscriberOptions } from './subscriber-options.js';

/** A channel as a program sees it: its name, and the type of what it carries. Opens nothing by itself. */
export class Channel<T> {
  readonly #definition: ChannelDefinition<T>;

  /** Use {@link defineChannel}, or `define` of a bus. */
  constructor(options: AnyChannelOptions<T>, namespaceOfBus?: ValidNamespace) {
    this.#definition = checkDefinition(options, namespaceOfBus);
  }

  /** Name of the channel. */
  get name(): string {
    return this.#definition.name;
  }

  /** The codec of what it carries. */
  get codec(): Codec<T> {
    return this.#definition.codec;
  }

  /**
   * Joins as a publisher.
   *
   * @throws {@link ChannelError} `INVALID_ARGUMENT`, `NOT_FOUND` (with `create: false`), `NOT_A_CHANNEL`,
   * `VERSION_MISMATCH`, `CAPACITY_MISMATCH`, `CODEC_MISMATCH`, `TOO_MANY_PARTICIPANTS`, `CORRUPTED`, or `TIMEOUT`; `MmfError`
   * when the operating system refuses, with `NO_SPACE` for one; the signal's reason when it aborts. Nothing is left then.
   */
  async publisher(options: PublisherOptions = {}): Promise<Publisher<T>> {
    checkPublisherOptions(this.name, options);
    return this.#join(options, (memory, signal) => Publisher.open(this.#definition, memory, options, signal));
  }

  /**
   * Joins as a subscriber. It gets what is published from now on; nothing is lost until listeners are added or iteration
   * begins.
   *
   * @throws {@link ChannelError} as {@link Channel.publisher} does.
   */
  async subscriber(options: SubscriberOptions = {}): Promise<Subscriber<T>> {
    checkSubscriberOptions(this.name, options);
    return this.#join(options, (memory, signal) =>
      Subscriber.open(this.#definition, memory, options, signal),
    );
  }

  /** Opens the channel's memory, joins, and has the directory list it. */
  async #join<P>(
    {
      create = true,
      signal,
      timeout = DEFAULT_JOIN_TIMEOUT_MS,
    }: JoinOptions & { readonly create?: boolean | undefined },
    open: (memory: ChannelMemory, signal: AbortSignal) => Promise<P>,
  ): Promise<P> {
    let memory: ChannelMemory | undefined;
    const tooLate = () => {
      const obstacle = memory === undefined ? 'the directory is being opened' : describeLockHolder(memory);
      return new ChannelError('TIMEOUT', this.name, `it was not joined within ${timeout} ms: ${obstacle}`);
    };
    return withDeadline({ signal, timeout }, tooLate, async (signal) => {
      const listing = this.#definition.listed ? await Listing.begin(this.#definition) : undefined;
      try {
        signal.throwIfAborted();
        memory = await openChannelMemory(this.#definition, create, signal);
      } catch (error) {
        await listing?.end(false);
        throw error;
      }
      const opened = memory;
      if (listing !== undefined) opened.afterClose = (last) => listing.end(last);
      let participant: P;
      try {
        participant = await open(opened, signal);
      } catch (error) {
        // Also where joining failed before anything had charge of it.
        opened.close();
        await opened.closed;
        throw error;
      }
      await listing?.enter();
      return participant;
    });
  }
}

/**
 * Defines a channel once for all programs that use it: its name, and the shape of what it carries, from which the type follows.
 *
 * @throws {@link ChannelError} `INVALID_NAME` or `INVALID_ARGUMENT`.
 */
export function defineChannel<S extends StandardSchema>(
  options: ShapedChannelOptions<S>,
): Channel<StandardOutput<S>>;
/**
 * Defines a channel of values that nobody checks, or that a codec of your own encodes.
 *
 * @throws {@link ChannelError} `INVALID_NAME` or `INVALID_ARGUMENT`.
 */
export function defineChannel<T>(options: ChannelOptions<T>): Channel<T>;
export function defineChannel<T>(options: AnyChannelOptions<T>): Channel<T> {
  return new Channel(options);
}
