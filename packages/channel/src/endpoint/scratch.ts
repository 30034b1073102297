import { type Codec, CodecError } from '@mmfbus/codec';
import { allocateWordBytes, type WordBytes } from '@mmfbus/codec/internal';
import { ChannelError } from '../foundation/errors.js';

const FIRST_LENGTH = 4096;

/** Private memory into which values are encoded before the publisher lock is taken: encoding may run code of the program. */
export class Scratch<T> {
  payload: WordBytes = allocateWordBytes(FIRST_LENGTH);
  readonly #codec: Codec<T>;
  readonly #channel: string;
  /** Memory that was handed over and given back, for as long as the collector lets it. */
  #spare: WeakRef<WordBytes> | undefined;
  /** Bytes of the last value, as the next one may well be as long: a codec finds out by encoding that there is no room. */
  #last = 0;
  #busy = false;

  constructor(codec: Codec<T>, channel: string) {
    this.#codec = codec;
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
    const expected = Math.min(this.#last, limit);
    if (start + expected > this.payload.length) this.#growTo(start, expected);
    for (;;) {
      try {
        const end = this.#codec.encode(value, this.payload, start);
        if (!Number.isInteger(end) || end < start || end > this.payload.length) {
          const text = `the codec ${this.#codec.id} returned ${end} as the end of what it wrote`;
          throw new CodecError('UNENCODABLE', text);
        }
        const length = end - start;
        if (length > limit) throw this.#tooLarge(length, limit, advice);
        this.#last = length;
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
    this.#growTo(start, Math.min(Math.max(needed, 2 * payload.length), limit));
  }

  /** Makes room for so many bytes from `start` on. */
  #growTo(start: number, room: number): void {
    const { payload } = this;
    this.payload = this.#memoryOf(start + room);
    this.payload.set(payload.subarray(0, start));
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
