import type { Codec, StandardOutput, StandardSchema } from '@mmfbus/codec';
import { Registration } from './directory/registration.js';
import { codecOfMemory } from './endpoint/codec-of-memory.js';
import {
  type AnyChannelOptions,
  type AnySchemaChannelOptions,
  type ChannelDefinition,
  type ChannelOptions,
  type CommonChannelOptions,
  checkDefinition,
  type SchemaChannelOptions,
} from './format/definition.js';
import { withDeadline } from './foundation/deadline.js';
import { ChannelError } from './foundation/errors.js';
import { showAs } from './foundation/inspect.js';
import { type ChannelMemory, openChannelMemory } from './membership/channel-memory.js';
import { describeLockHolder } from './membership/lock-holder.js';
import { DEFAULT_JOIN_TIMEOUT_MS, type JoinOptions } from './pubsub/join-options.js';
import {
  checkPublisherOptions,
  JoinedPublisher,
  type Publisher,
  type PublisherOptions,
} from './pubsub/publisher.js';
import { JoinedSubscriber, type Subscriber } from './pubsub/subscriber.js';
import { checkSubscriberOptions, type SubscriberOptions } from './pubsub/subscriber-options.js';

/** A channel as a program sees it: its name, and the type of what it carries. Opens nothing by itself. */
export class Channel<T> {
  readonly #definition: ChannelDefinition<T>;

  /** Use {@link defineChannel}, or `define` of a bus. */
  constructor(options: AnyChannelOptions<T>, ofBus?: Pick<CommonChannelOptions, 'scope' | 'mode' | 'group'>) {
    this.#definition = checkDefinition(options, ofBus);
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
   * @throws {@link ChannelError} `INVALID_ARGUMENT`, `NOT_FOUND` or `EXISTS` (by `open`), `NOT_A_CHANNEL`,
   * `VERSION_MISMATCH`, `PATTERN_MISMATCH`, `CAPACITY_MISMATCH`, `HISTORY_MISMATCH`, `MAX_MESSAGE_MISMATCH`,
   * `CODEC_MISMATCH`, `SCHEMA_MISMATCH`, `TOO_MANY_PARTICIPANTS`, `CORRUPTED` or `TIMEOUT`; for a subscriber also
   * `OTHER_INCARNATION` or `SEQUENCE_AHEAD`; `MmfError` when the operating system refuses, for example `NO_SPACE`; the
   * signal's reason when it aborts. A call that fails leaves nothing behind.
   */
  async publisher(options: PublisherOptions = {}): Promise<Publisher<T>> {
    checkPublisherOptions(this.name, options);
    const definition = this.#definition;
    if (definition.takesAny) {
      throw new ChannelError(
        'INVALID_ARGUMENT',
        this.name,
        "a channel with schema: 'any' is for subscribers only",
      );
    }
    return this.#join(options, (memory, signal) => JoinedPublisher.open(definition, memory, options, signal));
  }

  /**
   * Joins as a subscriber, which gets what is published from now on unless `start` says otherwise. Nothing is lost until
   * listeners are added or iteration begins.
   *
   * @throws {@link ChannelError} as {@link Channel.publisher} does.
   */
  async subscriber(options: SubscriberOptions = {}): Promise<Subscriber<T>> {
    checkSubscriberOptions(this.name, options);
    const { takesAny } = this.#definition;
    if (takesAny && (options.open ?? 'open') !== 'open') {
      throw new ChannelError(
        'INVALID_ARGUMENT',
        this.name,
        "with schema: 'any' a channel is not created: open is 'open'",
      );
    }
    const joinOptions = takesAny ? { ...options, open: 'open' as const } : options;
    return this.#join(joinOptions, (memory, signal) => {
      const codec = takesAny ? (codecOfMemory(memory) as Codec<T>) : this.#definition.codec;
      const definition = { ...this.#definition, codec };
      return JoinedSubscriber.open(definition, memory, options, signal);
    });
  }

  /** Opens the channel's memory, joins, and registers the channel in the directory. */
  async #join<P>(
    { open = 'open-or-create', signal, timeout = DEFAULT_JOIN_TIMEOUT_MS }: JoinOptions,
    take: (memory: ChannelMemory, signal: AbortSignal) => Promise<P>,
  ): Promise<P> {
    let memory: ChannelMemory | undefined;
    const tooLate = () => {
      const obstacle = memory === undefined ? 'the directory is being opened' : describeLockHolder(memory);
      return new ChannelError('TIMEOUT', this.name, `it was not joined within ${timeout} ms: ${obstacle}`);
    };
    return withDeadline({ signal, timeout }, tooLate, async (signal) => {
      signal.throwIfAborted();
      const opened = await openChannelMemory(this.#definition, open, signal);
      memory = opened;
      let registration: Registration | undefined;
      let participant: P;
      try {
        registration = this.#definition.discoverable
          ? await Registration.begin(this.#definition, opened)
          : undefined;
        signal.throwIfAborted();
        participant = await take(opened, signal);
      } catch (error) {
        // Also where joining failed before anything had charge of it.
        opened.close();
        await opened.closed;
        throw error;
      }
      await registration?.enter();
      return participant;
    });
  }
}

/**
 * Defines a channel once for all programs that use it: its name, and the schema of its values, from which their type follows.
 *
 * @throws {@link ChannelError} `INVALID_NAME` or `INVALID_ARGUMENT`.
 */
export function defineChannel<S extends StandardSchema>(
  options: SchemaChannelOptions<S>,
): Channel<StandardOutput<S>>;
/** Defines a channel for subscribers, which decode by the schema that the channel has. */
export function defineChannel(options: AnySchemaChannelOptions): Channel<unknown>;
/**
 * Defines a channel of values without a schema, in msgpack or by a codec of your own.
 *
 * @throws {@link ChannelError} `INVALID_NAME` or `INVALID_ARGUMENT`.
 */
export function defineChannel<T>(options: ChannelOptions<T>): Channel<T>;
export function defineChannel<T>(options: AnyChannelOptions<T>): Channel<T> {
  return new Channel(options);
}

showAs(Channel.prototype, ({ name, codec }) => `Channel { name: '${name}', codec: '${codec.id}' }`);
