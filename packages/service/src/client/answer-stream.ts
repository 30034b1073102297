import type { AnswerStream } from '../contract/types.js';

/** What a stream asks of its call. */
export interface StreamHooks {
  /** The program has taken items that cost so many bytes. */
  taken(bytes: number): void;
  /** The program wants no more. */
  giveUp(): void;
}

interface Pull<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: unknown): void;
}

const DONE: IteratorReturnResult<undefined> = { value: undefined, done: true };

/** The stream of answers of one call: what has arrived, and what the program waits for. */
export class ReceivedStream<T> implements AnswerStream<T> {
  readonly finished: Promise<void>;
  readonly #hooks: StreamHooks;
  readonly #items: { readonly value: T; readonly cost: number }[] = [];
  #first = 0;
  readonly #pulls: Pull<T>[] = [];
  #end: { readonly error: unknown } | 'done' | undefined;
  #finish!: () => void;
  #fail!: (error: unknown) => void;

  constructor(hooks: StreamHooks) {
    this.#hooks = hooks;
    this.finished = new Promise((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
    // Reading throws the same.
    this.finished.catch(() => {});
  }

  /** An item has arrived. */
  push(value: T, cost: number): void {
    if (this.#end !== undefined) return;
    const pull = this.#pulls.shift();
    if (pull === undefined) {
      this.#items.push({ value, cost });
      return;
    }
    pull.resolve({ value, done: false });
    this.#hooks.taken(cost);
  }

  /** The last item has arrived. */
  end(): void {
    if (this.#end !== undefined) return;
    this.#end = 'done';
    for (const { resolve } of this.#pulls.splice(0)) resolve(DONE);
    if (this.#isEmpty) this.#finish();
  }

  /** The call has failed: told after the items that have arrived. */
  fail(error: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    const [first, ...others] = this.#pulls.splice(0);
    if (first !== undefined) {
      this.#end = 'done';
      first.reject(error);
      for (const { resolve } of others) resolve(DONE);
    }
    this.#fail(error);
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (!this.#isEmpty) return Promise.resolve({ value: this.#take(), done: false });
    const end = this.#end;
    if (end === undefined) return new Promise((resolve, reject) => this.#pulls.push({ resolve, reject }));
    this.#end = 'done';
    if (end === 'done') return Promise.resolve(DONE);
    return Promise.reject(end.error);
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#drop();
    return Promise.resolve(DONE);
  }

  throw(error: unknown): Promise<IteratorResult<T, undefined>> {
    this.#drop();
    return Promise.reject(error);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#drop();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  get #isEmpty(): boolean {
    return this.#first === this.#items.length;
  }

  #take(): T {
    const { value, cost } = this.#items[this.#first++] as { value: T; cost: number };
    if (this.#isEmpty) {
      this.#items.length = this.#first = 0;
      if (this.#end === 'done') this.#finish();
    }
    this.#hooks.taken(cost);
    return value;
  }

  /** The program leaves the loop. */
  #drop(): void {
    this.#items.length = this.#first = 0;
    const isOver = this.#end !== undefined;
    this.end();
    this.#end = 'done';
    if (!isOver) this.#hooks.giveUp();
  }
}
