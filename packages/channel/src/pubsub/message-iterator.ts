import type { Message } from '../endpoint/delivery.js';

/** What an iterator needs of its subscriber. */
export interface MessageSource<T> {
  /** Claims the messages for this iterator. Throws when they are taken in another way. */
  begin(iterator: PulledMessages<T>): void;
  /** The next message, when there is one now; `ended` when there will be none any more. */
  pull(): Message<T> | 'ended' | undefined;
  /** Has {@link PulledMessages.serve} called when there may be messages. */
  want(): void;
  /** Gives the messages back. What was pulled last is handled. */
  end(): void;
}

type Result<T> = IteratorResult<Message<T>, undefined>;

interface Waiting<T> {
  resolve(result: Result<T>): void;
  reject(error: unknown): void;
}

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** The messages of a subscriber, as `for await` takes them. */
export interface MessageIterator<T> extends AsyncIterableIterator<Message<T>>, AsyncDisposable {
  /** The next message, as soon as it is there; what was given before counts as handled. */
  next(): Promise<IteratorResult<Message<T>, undefined>>;
  /** Ends the iteration; calls of `next` that wait come to their end. */
  return(): Promise<IteratorResult<Message<T>, undefined>>;
  /** Does that, and rejects with the error. */
  throw(error: unknown): Promise<IteratorResult<Message<T>, undefined>>;
  /** This iterator. */
  [Symbol.asyncIterator](): MessageIterator<T>;
}

/**
 * It takes nothing ahead: a message is read when it is asked for,
 * and counts as handled when the next one is. Written by hand, so that `return()` settles what waits.
 */
export class PulledMessages<T> implements MessageIterator<T> {
  readonly #source: MessageSource<T>;
  #state: 'new' | 'running' | 'done' = 'new';
  /** Calls of `next` that wait for a message, in the order in which they were made. */
  readonly #waiting: Waiting<T>[] = [];

  constructor(source: MessageSource<T>) {
    this.#source = source;
  }

  /** Whether a call of `next` waits. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result<T>> {
    try {
      if (this.#state === 'new') {
        this.#source.begin(this);
        this.#state = 'running';
      }
      if (this.#state === 'running' && this.#waiting.length === 0) {
        const message = this.#pull();
        if (message !== undefined) return Promise.resolve({ done: false, value: message });
      }
    } catch (error) {
      this.finish();
      return Promise.reject(error);
    }
    if (this.#state === 'done') return Promise.resolve(DONE);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#source.want();
    });
  }

  return(): Promise<Result<T>> {
    this.finish();
    return Promise.resolve(DONE);
  }

  throw(error: unknown): Promise<Result<T>> {
    this.finish();
    return Promise.reject(error);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.finish();
    return Promise.resolve();
  }

  /** Gives messages to the calls that wait; how many. */
  serve(): number {
    let served = 0;
    try {
      while (this.#waiting.length > 0) {
        const message = this.#pull();
        if (message === undefined) break;
        this.#waiting.shift()?.resolve({ done: false, value: message });
        served++;
      }
    } catch (error) {
      this.#waiting.shift()?.reject(error);
      this.finish();
    }
    return served;
  }

  #pull(): Message<T> | undefined {
    const pulled = this.#source.pull();
    if (pulled !== 'ended') return pulled;
    this.finish();
    return undefined;
  }

  /** Ends the iteration: there will be no more messages. */
  finish(): void {
    const wasRunning = this.#state === 'running';
    this.#state = 'done';
    if (wasRunning) this.#source.end();
    for (const { resolve } of this.#waiting.splice(0)) resolve(DONE);
  }
}
