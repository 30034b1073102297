/** Where a {@link PulledIterator} gets its values. */
export interface PullSource<T> {
  /** The next values, in order; undefined at the end. It is called once at a time, and only while a caller waits. */
  pull(): Promise<readonly T[] | undefined>;
  /** Called once when nothing more is wanted, also while `pull` waits: what that one comes to does not matter then. */
  close(): Promise<void>;
}

/** Signals that end an iteration. They are listened to from the first `next` to the end. */
export interface EndSignals {
  /** Ends it in good order and at once: values that were pulled and not given yet are dropped. */
  readonly ends: AbortSignal;
  /** Ends it by throwing the signal's reason, instead of anything else. */
  readonly fails?: AbortSignal | undefined;
}

interface Waiting<T> {
  readonly resolve: (result: IteratorResult<T, void>) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * An async iterator that nothing keeps waiting: `return` and `throw` settle every `next` that waits, which those of an async
 * generator do not. Nothing is begun before the first `next`, so that one which is never iterated leaves nothing behind.
 */
export class PulledIterator<T> implements AsyncGenerator<T, void, undefined> {
  readonly #source: PullSource<T>;
  readonly #signals: EndSignals;
  /** What was pulled and not asked for yet, from `#at` on. */
  #ready: readonly T[] = [];
  #at = 0;
  #waiting: Waiting<T>[] = [];
  /** What the next call throws. */
  #failure: { readonly reason: unknown } | undefined;
  #state: 'new' | 'begun' | 'ended' = 'new';
  #pulling = false;
  #closed: Promise<void> = Promise.resolve();
  readonly #onEnd = () => this.#leave();
  readonly #onFail = () => this.#fail(this.#signals.fails?.reason);

  constructor(source: PullSource<T>, signals: EndSignals) {
    this.#source = source;
    this.#signals = signals;
  }

  next(): Promise<IteratorResult<T, void>> {
    if (this.#state === 'new') this.#begin();
    if (this.#at < this.#ready.length) return Promise.resolve(this.#take());
    if (this.#failure !== undefined) {
      const { reason } = this.#failure;
      this.#failure = undefined;
      return Promise.reject(reason);
    }
    if (this.#state === 'ended') return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      void this.#pull();
    });
  }

  /** Ends the iteration: every `next` that waits is settled at once. */
  async return(): Promise<IteratorResult<T, void>> {
    this.#leave();
    await this.#closed;
    return { done: true, value: undefined };
  }

  /** Ends the iteration as {@link PulledIterator.return} does, and rejects with the reason. */
  async throw(reason: unknown): Promise<IteratorResult<T, void>> {
    await this.return();
    throw reason;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #begin(): void {
    const { ends, fails } = this.#signals;
    this.#state = 'begun';
    if (fails?.aborted) this.#onFail();
    else if (ends.aborted) this.#onEnd();
    else {
      ends.addEventListener('abort', this.#onEnd);
      fails?.addEventListener('abort', this.#onFail);
    }
  }

  async #pull(): Promise<void> {
    if (this.#pulling) return;
    this.#pulling = true;
    try {
      while (this.#state === 'begun' && this.#waiting.length > 0) {
        const values = await this.#source.pull();
        // It was given up meanwhile.
        if (this.#state !== 'begun') return;
        if (values === undefined) this.#end();
        else this.#hand(values);
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#pulling = false;
    }
  }

  #hand(values: readonly T[]): void {
    this.#ready = values;
    this.#at = 0;
    while (this.#at < values.length) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      next.resolve(this.#take());
    }
  }

  #take(): IteratorResult<T, void> {
    return { done: false, value: this.#ready[this.#at++] as T };
  }

  #leave(): void {
    this.#drop();
    this.#end();
  }

  #drop(): void {
    this.#ready = [];
    this.#failure = undefined;
  }

  #fail(reason: unknown): void {
    if (this.#state === 'ended') return;
    this.#drop();
    const first = this.#waiting.shift();
    if (first === undefined) this.#failure = { reason };
    else first.reject(reason);
    this.#end();
  }

  #end(): void {
    const { ends, fails } = this.#signals;
    const wasNew = this.#state === 'new';
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    ends.removeEventListener('abort', this.#onEnd);
    fails?.removeEventListener('abort', this.#onFail);
    for (const { resolve } of this.#waiting.splice(0)) resolve({ done: true, value: undefined });
    if (wasNew) return;
    this.#closed = this.#source.close();
    // The caller of `return` hears of what goes wrong there; no other call waits for it.
    this.#closed.catch(() => {});
  }
}
