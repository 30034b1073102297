import { setMaxListeners } from 'node:events';
import type { StandardOutput, StandardSchema } from '@mmfbus/codec';
import { type ValidNamespace, ValidNamespaces } from '@mmfbus/core';
import { Channel } from '../channel.js';
import {
  type AnyChannelOptions,
  type ChannelOptions,
  checkName,
  type ShapedChannelOptions,
} from '../definition.js';
import { ChannelError } from '../errors.js';
import { abortSignal, type Check, checkOptions, oneOf, permissionBits } from '../options.js';
import type { BusChange, ChannelInfo } from './channel-info.js';
import { type DirectoryLease, leaseDirectory } from './directory-lease.js';
import { watchDirectory } from './watch.js';

/** Options of {@link openBus}. */
export interface BusOptions {
  /** Where the names of the channels live. Defaults to `ValidNamespaces.LOCAL`. */
  readonly namespace?: ValidNamespace | undefined;
  /** POSIX permission bits when this call creates the directory. Defaults to 0o600. */
  readonly mode?: number | undefined;
}

/** Options of {@link Bus.watch}. */
export interface BusWatchOptions {
  /** Ends the iteration by throwing the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

const busRules: Readonly<Record<keyof BusOptions, Check>> = {
  namespace: oneOf(...Object.values(ValidNamespaces)),
  mode: permissionBits,
};

/** The channels of a namespace: which there are, and who takes part in them. Made by {@link openBus}. */
export class Bus {
  /** Where the names of the channels live. */
  readonly namespace: ValidNamespace;
  readonly #lease: DirectoryLease;
  readonly #closing = new AbortController();

  private constructor(namespace: ValidNamespace, lease: DirectoryLease) {
    this.namespace = namespace;
    this.#lease = lease;
    // Any number of watches may listen.
    setMaxListeners(0, this.#closing.signal);
  }

  /** @internal */
  static async open(options: BusOptions): Promise<Bus> {
    checkOptions('the bus', 'openBus()', options, busRules);
    const { namespace = ValidNamespaces.LOCAL, mode } = options;
    return new Bus(namespace, await leaseDirectory(namespace, mode));
  }

  /**
   * Defines a channel in this bus's namespace; as `defineChannel` does. It opens nothing, and does not end with the bus.
   *
   * @throws {@link ChannelError} `INVALID_NAME` or `INVALID_ARGUMENT`.
   */
  define<S extends StandardSchema>(
    options: Omit<ShapedChannelOptions<S>, 'namespace'>,
  ): Channel<StandardOutput<S>>;
  /** Defines a channel of values that nobody checks, or that a codec of your own encodes. */
  define<T>(options: Omit<ChannelOptions<T>, 'namespace'>): Channel<T>;
  define<T>(options: Omit<AnyChannelOptions<T>, 'namespace'>): Channel<T> {
    return new Channel<T>(options as AnyChannelOptions<T>, this.namespace);
  }

  /**
   * Looks at all channels, in the order of their names. A channel that cannot be looked at is left out, and reported to
   * the `diagnostics_channel` of the name `mmfbus:directory-error`.
   *
   * @throws {@link ChannelError} `CLOSED`, or `CORRUPTED` when the directory makes no sense.
   */
  async list(): Promise<ChannelInfo[]> {
    this.#checkOpen();
    const found = [...(await this.#lease.directory.list()).values()];
    const channels = found.flatMap((inspection) => (inspection === 'failed' ? [] : [inspection.info]));
    return channels.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /**
   * Looks at one channel, whether it is listed or not.
   *
   * @returns undefined when nobody takes part in such a channel.
   * @throws {@link ChannelError} `CLOSED`, `INVALID_NAME`, `NOT_A_CHANNEL`, `VERSION_MISMATCH` or `CORRUPTED`; `MmfError`
   * when the operating system refuses.
   */
  async inspect(channel: string): Promise<ChannelInfo | undefined> {
    this.#checkOpen();
    checkName(channel);
    return this.#lease.directory.inspect(channel)?.info;
  }

  /**
   * Iterates over what changes about the channels, until the bus is closed. It begins with what there is: `opened` for each
   * channel and `joined` for each of its participants. Each iteration watches for itself, and keeps its process alive.
   * What comes and goes between two looks of a slow loop may not be reported, but what was reported comes to its end.
   *
   * @throws {@link ChannelError} `CLOSED`, or `CORRUPTED` when the directory makes no sense; the signal's reason when it
   * aborts.
   */
  watch(options: BusWatchOptions = {}): AsyncGenerator<BusChange, void, undefined> {
    this.#checkOpen();
    checkOptions('the bus', 'watch()', options, { signal: abortSignal });
    const { signal } = options;
    return watchDirectory(this.#lease.directory, this.#closing.signal, signal);
  }

  /** Ends the watches and leaves the directory. Channels stay open. A second call does nothing. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#lease.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #checkOpen(): void {
    if (this.#closing.signal.aborted) throw new ChannelError('CLOSED', 'the bus', 'it is closed');
  }
}

/**
 * Opens the directory of a namespace, to see which channels there are and who takes part in them.
 *
 * @throws {@link ChannelError} and `MmfError` as joining a channel does, when the directory cannot be opened.
 */
export function openBus(options: BusOptions = {}): Promise<Bus> {
  return Bus.open(options);
}
