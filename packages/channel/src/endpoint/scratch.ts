import { type Codec, CodecError } from '@mmfbus/codec';
import {
  allocateWordBytes,
  type WordBytes,
  type WordFunctions,
  wordFunctionsOf,
} from '@mmfbus/codec/internal';
import { ChannelError } from '../foundation/errors.js';

const FIRST_LENGTH = 4096;
/** Memory that is longer is kept only while values need a good part of it. */
const LONGEST_KEPT = 65_536;

/** Private memory into which values are encoded before the publisher lock is taken: encoding may run code of the program. */
export class Scratch<T> {
  payload: WordBytes = allocateWordBytes(FIRST_LENGTH);
  readonly #codec: Codec<T>;
  readonly #encode: WordFunctions<T>['encode'];
  readonly #channel: string;
  /** Memory that was handed over and given back, for as long as the collector lets it. */
  #spare: WeakRef<WordBytes> | undefined;
  /** Where the last values ended, as the next ones may well do: that there is no room a codec finds out by encoding. */
  #end = 0;
  /** Whether nothing has been encoded since {@link Scratch.enter}. */
  #isUnused = true;
  #busy = false;

  constructor(codec: Codec<T>, channel: string) {
    this.#codec = codec;
    this.#encode = wordFunctionsOf(codec).encode;
    this.#channel = channel;
  }

  /**
   * Says that a value is being encoded and published, until {@link Scratch.leave}.
   *
   * @throws {@link ChannelError} `REENTRANT`, when one is already.
   */
  enter(): void {
    if (this.#busy) {
      const text = 'published from within the encoding of another message';
      throw new ChannelError('REENTRANT', this.#channel, text);
    }
    this.#busy = true;
    this.#isUnused = true;
  }

  leave(): void {
    this.#busy = false;
  }

  /** Hands the memory over to the caller. */
  take(): WordBytes {
    const { payload } = this;
    this.payload = allocateWordBytes(FIRST_LENGTH);
    return payload;
  }

  /** Takes memory back that {@link Scratch.take} handed over: fresh memory takes longer than encoding to it. */
  giveBack(payload: WordBytes): void {
    this.#spare = new WeakRef(payload);
  }

  /**
   * Encodes a value to {@link Scratch.payload} from `start` on; what stands before that is kept. After
   * {@link Scratch.enter}.
   *
   * @param limit most bytes that it may take.
   * @returns how many it takes.
   * @throws {@link ChannelError} `UNENCODABLE`, or `TOO_LARGE`, which ends with `advice`.
   */
  encode(value: T, start: number, limit: number, advice: string): number {
    if (this.#isUnused) this.#fit();
    for (;;) {
      try {
        const end = this.#encode(value, this.payload, start);
        if (!Number.isInteger(end) || end < start || end > this.payload.length) {
          const text = `the codec ${this.#codec.id} returned ${end} as the end of what it wrote`;
          throw new CodecError('UNENCODABLE', text);
        }
        const length = end - start;
        if (length > limit) throw this.#tooLarge(length, limit, advice);
        this.#end = end;
        return length;
      } catch (error) {
        if (this.payload.length === 0) throw this.#detached(error);
        if (!(error instanceof CodecError)) throw error;
        if (error.code !== 'NO_ROOM') {
          throw new ChannelError('UNENCODABLE', this.#channel, error.message, { cause: error });
        }
        this.#grow(start, error.needed ?? 0, limit, advice);
      }
    }
  }

  #grow(start: number, needed: number, limit: number, advice: string): void {
    const { payload } = this;
    const least = Math.max(needed, payload.length - start);
    if (needed > limit || payload.length - start >= limit) throw this.#tooLarge(least, limit, advice);
    this.payload = this.#memoryOf(start + Math.min(Math.max(needed, 2 * payload.length), limit));
    this.payload.set(payload.subarray(0, start));
  }

  /** Has as much memory as was needed last time, and not much more. */
  #fit(): void {
    this.#isUnused = false;
    const { length } = this.payload;
    if (length >= this.#end && (length <= LONGEST_KEPT || length <= 4 * this.#end)) return;
    this.payload = this.#memoryOf(Math.max(FIRST_LENGTH, this.#end));
  }

  #memoryOf(length: number): WordBytes {
    const spare = this.#spare?.deref();
    if (spare === undefined || spare.length < length || spare.length > 2 * length)
      return allocateWordBytes(length);
    this.#spare = undefined;
    return spare;
  }

  #detached(cause: unknown): ChannelError {
    this.payload = allocateWordBytes(FIRST_LENGTH);
    const text = `the codec ${this.#codec.id} detached the memory that it was to encode to`;
    return new ChannelError('UNENCODABLE', this.#channel, text, { cause });
  }

  #tooLarge(length: number, limit: number, advice: string): ChannelError {
    const text = `a message takes ${length} bytes or more; ${advice} at most ${limit}`;
    return new ChannelError('TOO_LARGE', this.#channel, text);
  }
}
