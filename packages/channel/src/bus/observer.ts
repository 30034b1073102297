import type { Codec } from '@mmfbus/codec';
import { timers } from '@mmfbus/core/internal';
import type { Directory } from '../directory/directory.js';
import type { Position } from '../endpoint/position.js';
import type { Start } from '../endpoint/start.js';
import { anyCodec } from '../format/definition.js';
import { LARGEST_MESSAGE } from '../format/limits.js';
import { monotonicNow } from '../foundation/clock.js';
import { withSignals } from '../foundation/deadline.js';
import { ChannelError } from '../foundation/errors.js';
import { showAs } from '../foundation/inspect.js';
import {
  abortSignal,
  anyBoolean,
  type Check,
  checkOptions,
  checkValue,
  wholeNumber,
} from '../foundation/options.js';
import { PulledIterator, type PullSource } from '../foundation/pulled-iterator.js';
import { startCheck } from '../pubsub/subscriber-options.js';
import { Observation } from './observation.js';
import type { Observed } from './observed.js';

/** Milliseconds between two looks of an iteration. */
const LOOK_MS = 33;
const DEFAULT_MAX_MESSAGE: number = 2 ** 20;

/** Options of {@link Bus.observe}. */
export interface ObserveOptions<T = unknown> {
  /** Where to begin. Defaults to `latest`: with what is published from now on. */
  readonly start?: Start | undefined;
  /** Waits for a channel of that name to be created, and after its end for the next one. Defaults to false. */
  readonly follow?: boolean | undefined;
  /** Bytes of the longest message that is read; longer ones are told as `omitted`. Defaults to 1 MiB. */
  readonly maxMessage?: number | undefined;
  /**
   * Decodes the values, such as `raw()` for their bytes. It is not compared with that of the channel. Defaults to the codec and the
   * schema that the channel itself names.
   */
  readonly codec?: Codec<T> | undefined;
  /** Ends the iteration by throwing the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

const rules: Readonly<Record<keyof ObserveOptions, Check>> = {
  start: startCheck,
  follow: anyBoolean,
  maxMessage: wholeNumber(1, LARGEST_MESSAGE),
  codec: anyCodec,
  signal: abortSignal,
};

/**
 * Looks on at a channel, see {@link Bus.observe}: once in a while by `for await`, or whenever `poll` is called. What it has told
 * once it does not tell again.
 */
export interface Observer<T = unknown> extends AsyncIterable<Observed<T>>, Disposable {
  /** Name of the channel. */
  readonly channel: string;
  /** The last message that was seen, also in a gap; undefined where there is no channel, as may be with `follow`. */
  readonly position: Position | undefined;
  /**
   * Looks now.
   *
   * @param limit messages that are read at most. Defaults to as many as one look reads, which is 256 KiB of the ring.
   * @returns what is new, in the order of the numbers.
   * @throws {@link ChannelError} `CLOSED`, also when the bus is closed; `CORRUPTED` where nothing more can be read; what keeps the
   * channel from being read.
   */
  poll(limit?: number): Observed<T>[];
  /**
   * Leaves out the messages that are there: the next look begins with what is published from now on.
   *
   * @returns how many messages it has left out.
   * @throws {@link ChannelError} as `poll` does.
   */
  skip(): number;
  /**
   * Looks 30 times a second, until the channel ends, or with `follow` for ever. It keeps the process alive. Leaving the loop closes
   * the observer.
   */
  [Symbol.asyncIterator](): AsyncGenerator<Observed<T>, void, undefined>;
  /** Ends all iterations in good order. A second call does nothing. */
  close(): void;
}

/** What {@link Bus.observe} returns. */
export class BusObserver<T> implements Observer<T> {
  readonly channel: string;
  readonly #observation: Observation<T>;
  readonly #signal: AbortSignal | undefined;
  readonly #closing = new AbortController();
  readonly #forgetBus: () => void;
  /** When the iteration looks again, milliseconds of the monotonic clock. */
  #nextLook = 0;

  /** @param busClosing ends it with the bus. */
  constructor(channel: string, directory: Directory, busClosing: AbortSignal, options: ObserveOptions<T>) {
    checkOptions(channel, 'observe()', options, rules);
    const { start = 'latest', follow = false, maxMessage = DEFAULT_MAX_MESSAGE, codec, signal } = options;
    this.channel = channel;
    this.#signal = signal;
    const { place, probe } = directory;
    this.#observation = new Observation(channel, place, probe, { start, follow, maxMessage, codec });
    const close = () => this.close();
    busClosing.addEventListener('abort', close);
    this.#forgetBus = () => busClosing.removeEventListener('abort', close);
  }

  get position(): Position | undefined {
    return this.#observation.position;
  }

  poll(limit: number = Number.POSITIVE_INFINITY): Observed<T>[] {
    if (limit !== Number.POSITIVE_INFINITY) {
      checkValue(this.channel, 'limit', limit, wholeNumber(1, Number.MAX_SAFE_INTEGER));
    }
    this.#checkOpen();
    return this.#observation.look(limit);
  }

  skip(): number {
    this.#checkOpen();
    return this.#observation.skip();
  }

  [Symbol.asyncIterator](): AsyncGenerator<Observed<T>, void, undefined> {
    const ends = this.#closing.signal;
    const source: PullSource<Observed<T>> = {
      pull: () => this.#pull(ends),
      close: async () => this.close(),
    };
    return new PulledIterator(source, { ends, fails: this.#signal });
  }

  async #pull(ends: AbortSignal): Promise<readonly Observed<T>[] | undefined> {
    for (;;) {
      if (this.#observation.isOver) return undefined;
      await this.#untilNextLook(ends);
      const found = this.#observation.look(Number.POSITIVE_INFINITY);
      if (found.length > 0) return found;
    }
  }

  /** At least for a turn of the event loop, however long the program takes for what it was given. */
  async #untilNextLook(ends: AbortSignal): Promise<void> {
    const now = monotonicNow() / 1e6;
    const wait = Math.max(0, this.#nextLook - now);
    const isFirst = this.#nextLook === 0;
    this.#nextLook = now + wait + LOOK_MS;
    if (!isFirst) await withSignals([ends, this.#signal], (signal) => timers.sleep(wait, { signal }));
  }

  #checkOpen(): void {
    if (!this.#closing.signal.aborted) return;
    throw new ChannelError('CLOSED', this.channel, 'the observer is closed');
  }

  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(new ChannelError('CLOSED', this.channel, 'the observer is closed'));
    this.#forgetBus();
    this.#observation.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

showAs(
  BusObserver.prototype,
  ({ channel, position }) => `Observer { channel: '${channel}', sequence: ${position?.sequence ?? 'none'} }`,
);
