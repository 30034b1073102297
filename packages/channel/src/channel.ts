import type { Codec, StandardOutput, StandardSchema } from '@mmfbus/codec';
import type { ValidNamespace } from '@mmfbus/core';
import { Listing } from './bus/listing.js';
import { type ChannelMemory, openChannelMemory } from './channel-memory.js';
import {
  type AnyChannelOptions,
  type ChannelDefinition,
  type ChannelOptions,
  checkDefinition,
  type ShapedChannelOptions,
} from './definition.js';
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
   * @throws {@link ChannelError} `NOT_FOUND` (with `create: false`), `NOT_A_CHANNEL`, `VERSION_MISMATCH`,
   * `CAPACITY_MISMATCH`, `CODEC_MISMATCH`, `TOO_MANY_PARTICIPANTS` or `CORRUPTED`; `MmfError` when the operating system
   * refuses, with `NO_SPACE` for one.
   */
  async publisher(options: PublisherOptions = {}): Promise<Publisher<T>> {
    checkPublisherOptions(this.name, options);
    return this.#join(options.create, (memory) => Publisher.open(this.#definition, memory, options));
  }

  /**
   * Joins as a subscriber. It gets what is published from now on; nothing is lost until listeners are added or iteration
   * begins.
   *
   * @throws {@link ChannelError} as {@link Channel.publisher} does, and `INVALID_ARGUMENT`.
   */
  async subscriber(options: SubscriberOptions = {}): Promise<Subscriber<T>> {
    checkSubscriberOptions(this.name, options);
    return this.#join(options.create, (memory) => Subscriber.open(this.#definition, memory, options));
  }

  /** Opens the channel's memory, joins, and has the directory list it. */
  async #join<P>(create = true, open: (memory: ChannelMemory) => Promise<P>): Promise<P> {
    if (!this.#definition.listed) return open(openChannelMemory(this.#definition, create));
    const listing = await Listing.begin(this.#definition);
    let memory: ChannelMemory;
    try {
      memory = openChannelMemory(this.#definition, create);
    } catch (error) {
      await listing.end(false);
      throw error;
    }
    memory.afterClose = (last) => listing.end(last);
    const participant = await open(memory);
    await listing.enter();
    return participant;
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
