import { CodecError } from '@mmfbus/codec';
import type { ChannelMemory } from './channel-memory.js';
import { now } from './clock.js';
import type { ChannelDefinition } from './definition.js';
import { ChannelError } from './errors.js';
import { STATE_PUBLISHER, STATE_RELIABLE } from './layout/participant-layout.js';
import { Member } from './participants/member.js';
import { RingWriter } from './ring/ring-writer.js';

/**
 * - `published`: every subscriber gets it.
 * - `full`: a reliable subscriber has not taken enough yet; nothing was published. `publishAsync` waits for that.
 * - `busy`: another publisher held the lock for as long as a synchronous call may wait; nothing was published.
 */
export type PublishOutcome = 'published' | 'full' | 'busy';

/** Options of a publisher. */
export interface PublisherOptions {
  /** Name of this participant, for those who look who takes part; at most 48 bytes are kept. Defaults to none. */
  readonly name?: string | undefined;
  /** Creates the channel when there is none. Defaults to true. */
  readonly create?: boolean | undefined;
}

/** Options of the calls that wait. */
export interface WaitOptions {
  /** Gives up with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

const FIRST_SCRATCH_LENGTH = 4096;

/** Bytes, and the same bytes as words. */
interface Payload {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly words: Int32Array<ArrayBuffer>;
}

function allocatePayload(length: number): Payload {
  const bytes = new Uint8Array(Math.ceil(length / 4) * 4);
  return { bytes, words: new Int32Array(bytes.buffer) };
}

/** Publishes to one channel. Made by `Channel.publisher`. */
export class Publisher<T> {
  readonly #definition: ChannelDefinition<T>;
  readonly #member: Member;
  readonly #writer: RingWriter;
  readonly #maxPayload: number;
  readonly #closing = new AbortController();
  #scratch = allocatePayload(FIRST_SCRATCH_LENGTH);
  #encoding = false;
  /** The last of those that wait in line to publish; undefined when nobody does. */
  #line: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  #closed: Promise<void> | undefined;

  private constructor(definition: ChannelDefinition<T>, member: Member) {
    this.#definition = definition;
    this.#member = member;
    this.#writer = new RingWriter(member.memory, member.table, member.slot);
    this.#maxPayload = member.memory.geometry.maxPayload;
    member.onRing = () => this.#wake?.();
    member.atEnd = () => this.#retireAtExit();
  }

  /** @internal */
  static async open<T>(
    definition: ChannelDefinition<T>,
    memory: ChannelMemory,
    options: PublisherOptions,
  ): Promise<Publisher<T>> {
    const member = await Member.join(memory, options.name ?? '');
    await member.lock.acquire();
    member.activate(STATE_PUBLISHER);
    member.lock.release();
    return new Publisher(definition, member);
  }

  /** Name of the channel. */
  get channel(): string {
    return this.#definition.name;
  }

  /**
   * Publishes a value, without waiting.
   *
   * @throws {@link ChannelError} `UNENCODABLE`, `TOO_LARGE`, `REENTRANT`, `CORRUPTED` or `CLOSED`.
   */
  publish(value: T): PublishOutcome {
    const length = this.#encode(value);
    // Those who wait were here before.
    return this.#line === undefined ? this.#append(this.#scratch, length) : 'full';
  }

  /**
   * Publishes a value as soon as there is room. Calls that wait keep their order.
   *
   * @throws {@link ChannelError} as {@link Publisher.publish} does; the signal's reason when it aborts.
   */
  async publishAsync(value: T, { signal }: WaitOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const length = this.#encode(value);
    if (this.#line === undefined && this.#append(this.#scratch, length) === 'published') return;
    // The scratch is overwritten by the next call, so what waits is copied.
    const payload = allocatePayload(length);
    payload.bytes.set(this.#scratch.bytes.subarray(0, length));
    await this.#waitInLine(() => this.#append(payload, length), signal);
  }

  /**
   * Waits until what waits in `publishAsync` is published and every reliable subscriber has taken everything, and closes.
   * What is published meanwhile waits behind it, and fails with `CLOSED`.
   *
   * @throws {@link ChannelError} `CLOSED`; the signal's reason when it aborts, and then it is still open.
   */
  async drain({ signal }: WaitOptions = {}): Promise<void> {
    this.#checkOpen();
    await this.#waitInLine(() => (this.#isTaken() ? 'published' : 'full'), signal);
    await this.close();
  }

  /**
   * Leaves the channel. Subscribers are told when this was the last publisher. What waits in `publishAsync` fails with
   * `CLOSED`. A second call returns the same promise.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#closing.abort(new ChannelError('CLOSED', this.channel, 'the publisher was closed'));
    const { lock } = this.#member;
    if (!lock.spin()) await lock.acquire();
    this.#member.retire();
    lock.release();
    this.#member.leave();
  }

  /** Makes the attempt again and again until it succeeds, after all those who wait already. */
  async #waitInLine(attempt: () => PublishOutcome, signal: AbortSignal | undefined): Promise<void> {
    const stop = signal === undefined ? [this.#closing.signal] : [signal, this.#closing.signal];
    const before = this.#line;
    const turn = (async () => {
      await before;
      for (const one of stop) one.throwIfAborted();
      await this.#sleepUntil(attempt, stop);
    })();
    const settled = turn.then(
      () => {},
      () => {},
    );
    this.#line = settled;
    try {
      await orAborted(turn, stop);
    } finally {
      void settled.then(() => {
        if (this.#line === settled) this.#line = undefined;
      });
    }
  }

  #retireAtExit(): void {
    const { lock } = this.#member;
    // Where a living publisher keeps the lock, the others find out by proof of death.
    if (!lock.spin()) return;
    this.#member.retire();
    lock.release();
  }

  #checkOpen(): void {
    if (this.#closed !== undefined) throw new ChannelError('CLOSED', this.channel, 'the publisher is closed');
  }

  #encode(value: T): number {
    this.#checkOpen();
    if (this.#encoding) {
      throw new ChannelError(
        'REENTRANT',
        this.channel,
        'published from within the encoding of another message',
      );
    }
    this.#encoding = true;
    try {
      return this.#encodeInto(value);
    } finally {
      this.#encoding = false;
    }
  }

  #encodeInto(value: T): number {
    const { codec } = this.#definition;
    for (;;) {
      try {
        const length = codec.encode(value, this.#scratch.bytes, 0);
        if (!Number.isInteger(length) || length < 0 || length > this.#scratch.bytes.length) {
          throw new CodecError(
            'UNENCODABLE',
            `the codec ${codec.id} returned ${length} as the end of what it wrote`,
          );
        }
        if (length > this.#maxPayload) throw this.#tooLarge(length);
        return length;
      } catch (error) {
        if (!(error instanceof CodecError) || error.code !== 'NO_ROOM') throw this.#refusal(error);
        this.#growScratch(error.needed ?? 0);
      }
    }
  }

  #growScratch(needed: number): void {
    if (needed > this.#maxPayload) throw this.#tooLarge(needed);
    const { length } = this.#scratch.bytes;
    if (length >= this.#maxPayload) throw this.#tooLarge(length);
    this.#scratch = allocatePayload(Math.min(Math.max(needed, 2 * length), this.#maxPayload));
  }

  #tooLarge(length: number): ChannelError {
    return new ChannelError(
      'TOO_LARGE',
      this.channel,
      `a message takes ${length} bytes or more; the channel carries at most ${this.#maxPayload}`,
    );
  }

  #refusal(error: unknown): unknown {
    if (!(error instanceof CodecError)) return error;
    return new ChannelError('UNENCODABLE', this.channel, error.message, { cause: error });
  }

  #append(payload: Payload, length: number): PublishOutcome {
    const { lock } = this.#member;
    if (!lock.tryAcquire() && !lock.spin()) return 'busy';
    let room: boolean;
    try {
      const writer = this.#writer;
      writer.begin();
      room = writer.makeRoom(length);
      if (room) {
        writer.append(payload.bytes, payload.words, length, now());
        this.#member.ringSubscribers();
      }
    } finally {
      lock.release();
    }
    if (room) return 'published';
    return this.#member.buryDeadSubscribers() ? this.#append(payload, length) : 'full';
  }

  /** Whether every reliable subscriber has taken what this publisher published last, and so all that was before. */
  #isTaken(): boolean {
    const { table } = this.#member;
    const { tail } = this.#writer;
    const used = table.used();
    for (let slot = 0; slot < used; slot++) {
      if (table.stateOf(slot) === STATE_RELIABLE && table.cursorOf(slot) < tail) return false;
    }
    return true;
  }

  /** Tries whenever a subscriber has taken something or is gone; the event loop sleeps meanwhile. */
  async #sleepUntil(attempt: () => PublishOutcome, stop: readonly AbortSignal[]): Promise<void> {
    const { table, slot, port, lock } = this.#member;
    port.ref();
    try {
      for (;;) {
        this.#member.watchOver(STATE_RELIABLE);
        const rung = new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        // SYNC: waiting for room. Counted before the attempt reads the cursors; subscribers store them before they count.
        table.fallAsleep(slot);
        let outcome: PublishOutcome;
        try {
          outcome = attempt();
          if (outcome === 'full') await orAborted(rung, stop);
        } finally {
          if (this.#closed === undefined) table.wakeUp(slot);
        }
        if (outcome === 'published') return;
        if (outcome === 'busy') {
          await lock.acquire(stop);
          lock.release();
        }
      }
    } finally {
      port.unref();
    }
  }
}

/**
 * The promise, or a rejection with a signal's reason when that comes first. Unlike `AbortSignal.any` it leaves nothing
 * behind on a signal that lives long.
 */
function orAborted<R>(promise: Promise<R>, signals: readonly AbortSignal[]): Promise<R> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signals.find(({ aborted }) => aborted)?.reason);
    if (signals.some(({ aborted }) => aborted)) {
      abort();
      return;
    }
    for (const signal of signals) signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => {
      for (const signal of signals) signal.removeEventListener('abort', abort);
    });
  });
}
