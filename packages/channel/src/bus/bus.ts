import { setMaxListeners } from 'node:events';
import type { StandardOutput, StandardSchema } from '@mmfbus/codec';
import { accessOfNew } from '@mmfbus/core/internal';
import { Channel } from '../channel.js';
import type { BusChange, ChannelInfo } from '../directory/channel-info.js';
import { type DirectoryLease, describeOpening, leaseDirectory } from '../directory/directory-lease.js';
import { directoryPlace } from '../directory/directory-place.js';
import {
  type AnyChannelOptions,
  type AnySchemaChannelOptions,
  type BusDefaults,
  type ChannelOptions,
  checkName,
  type SchemaChannelOptions,
} from '../format/definition.js';
import { SCOPES, type Scope } from '../format/scope.js';
import { withDeadline, withSignals } from '../foundation/deadline.js';
import { ChannelError } from '../foundation/errors.js';
import {
  abortSignal,
  anyGroup,
  type Check,
  checkOptions,
  oneOf,
  permissionBits,
  waitRules,
} from '../foundation/options.js';
import { DEFAULT_JOIN_TIMEOUT_MS } from '../pubsub/join-options.js';
import type { WaitOptions } from '../pubsub/publisher.js';
import { BusObserver, type ObserveOptions, type Observer } from './observer.js';
import { watchDirectory } from './watch.js';

/** Options of {@link openBus}. */
export interface BusOptions {
  /** Where the names of the channels live. Defaults to `user`. */
  readonly scope?: Scope | undefined;
  /**
   * Which channels of the scope `machine`: those whose `mode` lets the same users join, this user alone, the members of a group
   * or all. It is also the default of the channels that this bus defines. Defaults to 0o600.
   */
  readonly mode?: number | undefined;
  /** The group that is meant, where `mode` lets a group join. Defaults to the one that the operating system gives new files. */
  readonly group?: number | string | undefined;
  /** Gives up opening with the signal's reason. Once open, it has no effect. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Gives up opening with a `TIMEOUT` after that many milliseconds: it takes the directory's lock, which a process that was
   * stopped may hold. `Infinity` waits for as long as it takes. Defaults to 5000.
   */
  readonly timeout?: number | undefined;
}

/** Options of {@link Bus.watch}. */
export interface BusWatchOptions {
  /** Ends the iteration by throwing the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

const busRules: Readonly<Record<keyof BusOptions, Check>> = {
  scope: oneOf(...SCOPES),
  mode: permissionBits,
  group: anyGroup,
  ...waitRules,
};

/** The channels of a scope and their participants. Made by {@link openBus}. */
export class Bus {
  /** Where the names of the channels live. */
  readonly scope: Scope;
  readonly #lease: DirectoryLease;
  readonly #defaults: BusDefaults;
  readonly #closing = new AbortController();

  private constructor(defaults: BusDefaults & { readonly scope: Scope }, lease: DirectoryLease) {
    this.scope = defaults.scope;
    this.#defaults = defaults;
    this.#lease = lease;
    // Any number of watches may listen.
    setMaxListeners(0, this.#closing.signal);
  }

  /** @internal */
  static async open(options: BusOptions): Promise<Bus> {
    checkOptions('the bus', 'openBus()', options, busRules);
    const { scope = 'user', mode, group, signal, timeout = DEFAULT_JOIN_TIMEOUT_MS } = options;
    const place = directoryPlace(scope, accessOfNew(mode, group));
    const tooLate = () => timedOut('the directory was not opened', timeout, describeOpening(place));
    return withDeadline(
      { signal, timeout },
      tooLate,
      async (either) => new Bus({ scope, mode, group }, await leaseDirectory(place, either)),
    );
  }

  /**
   * Defines a channel in this bus's scope; as `defineChannel` does. It opens nothing, and does not end with the bus.
   *
   * @throws {@link ChannelError} `INVALID_NAME` or `INVALID_ARGUMENT`.
   */
  define<S extends StandardSchema>(
    options: Omit<SchemaChannelOptions<S>, 'scope'>,
  ): Channel<StandardOutput<S>>;
  /** Defines a channel for subscribers, which decode by the schema that the channel has. */
  define(options: Omit<AnySchemaChannelOptions, 'scope'>): Channel<unknown>;
  /** Defines a channel of values without a schema, in msgpack or by a codec of your own. */
  define<T>(options: Omit<ChannelOptions<T>, 'scope'>): Channel<T>;
  define<T>(options: Omit<AnyChannelOptions<T>, 'scope'>): Channel<T> {
    return new Channel<T>(options as AnyChannelOptions<T>, this.#defaults);
  }

  /**
   * Looks at all channels, and at the registries of services, in the order of their names. A channel that cannot be looked at is left out, and reported to
   * the `diagnostics_channel` of the name `mmfbus:directory-error`.
   *
   * @throws {@link ChannelError} `CLOSED`, also when the bus is closed meanwhile, `CORRUPTED` when the directory makes no
   * sense, or `TIMEOUT`; the signal's reason when it aborts.
   */
  async list(options: WaitOptions = {}): Promise<ChannelInfo[]> {
    const found = await this.#look('list()', options, (signal) => this.#lease.directory.list(signal));
    const channels = [...found.values()].flatMap((one) => (one === 'failed' ? [] : [one.info]));
    return channels.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /**
   * Looks at one channel, also where it is not `discoverable`.
   *
   * @returns undefined when the channel does not exist, or all of its participants are proven dead.
   * @throws {@link ChannelError} `CLOSED`, also when the bus is closed meanwhile, `INVALID_NAME`, `NOT_A_CHANNEL`,
   * `VERSION_MISMATCH`, `CORRUPTED` or `TIMEOUT`; `MmfError` when the operating system refuses; the signal's reason when it
   * aborts.
   */
  async inspect(channel: string, options: WaitOptions = {}): Promise<ChannelInfo | undefined> {
    checkName(channel);
    const { directory } = this.#lease;
    const found = await this.#look('inspect()', options, (signal) => directory.inspect(channel, signal));
    return found?.info;
  }

  async #look<R>(what: string, options: WaitOptions, look: (signal: AbortSignal) => Promise<R>): Promise<R> {
    this.#checkOpen();
    checkOptions('the bus', what, options, waitRules);
    const tooLate = () =>
      timedOut(`${what} was not done`, options.timeout, this.#lease.directory.describeObstacle());
    return withDeadline(options, tooLate, (signal) => withSignals([signal, this.#closing.signal], look));
  }

  /**
   * Iterates over what changes about the channels, until the bus is closed. It begins with what there is: `opened` for each
   * channel and `joined` for each of its participants. Each iteration watches for itself, and keeps its process alive.
   * What comes and goes between two looks of a slow loop may not be reported, but what was reported comes to its end.
   * Once the bus is closed, no further change is reported.
   *
   * A participant that `left` is told of as it was seen last, but for `alive`, which is of now: `false` when its death is
   * proved, as when it was killed; `true` when its thread lives, and has left this channel only; `unknown` otherwise.
   *
   * Leaving the loop, or calling `return` of the iterator, ends it at once, also while a `next` waits.
   *
   * @throws {@link ChannelError} `CLOSED` or `INVALID_ARGUMENT` here; what goes wrong later is thrown to the loop:
   * `CORRUPTED` when the directory makes no sense, or the signal's reason when it aborts.
   */
  watch(options: BusWatchOptions = {}): AsyncGenerator<BusChange, void, undefined> {
    this.#checkOpen();
    checkOptions('the bus', 'watch()', options, { signal: abortSignal });
    const { signal } = options;
    return watchDirectory(this.#lease.directory, this.#closing.signal, signal);
  }

  /**
   * Reads a channel without joining it. An observer has no slot, holds no lock, wakes no participant, keeps no channel alive, and a
   * publisher does nothing for it. It sees what a lossy subscriber sees: messages that are overwritten before it looks are told as a gap.
   *
   * @throws {@link ChannelError} `NOT_FOUND` where there is no such channel and `follow` is not set; `CLOSED`, `INVALID_NAME`,
   * `INVALID_ARGUMENT`, `NOT_A_CHANNEL`, `VERSION_MISMATCH` or `CORRUPTED`; `OTHER_INCARNATION` or `SEQUENCE_AHEAD` for a position that
   * is not one of this channel; `SCHEMA_MISMATCH` or `CODEC_MISMATCH` where its values cannot be decoded; `MmfError` when the operating
   * system refuses.
   */
  observe<T = unknown>(channel: string, options: ObserveOptions<T> = {}): Observer<T> {
    this.#checkOpen();
    checkName(channel);
    return new BusObserver(channel, this.#lease.directory, this.#closing.signal, options);
  }

  /** Ends the watches and the observers at once and leaves the directory. Channels stay open. A second call does nothing. */
  async close(): Promise<void> {
    this.#closing.abort(new ChannelError('CLOSED', 'the bus', 'it was closed'));
    this.#lease.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #checkOpen(): void {
    if (this.#closing.signal.aborted) throw new ChannelError('CLOSED', 'the bus', 'it is closed');
  }
}

function timedOut(what: string, timeout: number | undefined, obstacle: string): ChannelError {
  return new ChannelError('TIMEOUT', 'the bus', `${what} within ${timeout} ms: ${obstacle}`);
}

/**
 * Opens the directory of a scope, to list and watch its channels and their participants.
 *
 * @throws {@link ChannelError} and `MmfError` as joining a channel does, when the directory cannot be opened; the signal's
 * reason when it aborts.
 */
export function openBus(options: BusOptions = {}): Promise<Bus> {
  return Bus.open(options);
}
