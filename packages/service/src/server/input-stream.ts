/** The stream of inputs of one call, as its handler iterates over it. */
export class InputStream implements AsyncIterableIterator<unknown> {
  readonly #onTaken: (bytes: number) => void;
  readonly #items: { readonly value: unknown; readonly cost: number }[] = [];
  #first = 0;
  readonly #pulls: {
    resolve(result: IteratorResult<unknown>): void;
    reject(error: unknown): void;
  }[] = [];
  #end: { readonly error: unknown } | 'done' | undefined;

  /** @param onTaken is told what the items cost that the handler has taken. */
  constructor(onTaken: (bytes: number) => void) {
    this.#onTaken = onTaken;
  }

  push(value: unknown, cost: number): void {
    if (this.#end !== undefined) return;
    const pull = this.#pulls.shift();
    if (pull === undefined) {
      this.#items.push({ value, cost });
      return;
    }
    pull.resolve({ value, done: false });
    this.#onTaken(cost);
  }

  /** Nothing more comes: with an error where the call is over before its stream is. */
  end(end: { readonly error: unknown } | 'done'): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    for (const { resolve, reject } of this.#pulls.splice(0)) {
      if (end === 'done') resolve({ value: undefined, done: true });
      else reject(end.error);
    }
  }

  next(): Promise<IteratorResult<unknown>> {
    if (this.#first < this.#items.length) {
      const { value, cost } = this.#items[this.#first++] as { value: unknown; cost: number };
      if (this.#first === this.#items.length) this.#items.length = this.#first = 0;
      this.#onTaken(cost);
      return Promise.resolve({ value, done: false });
    }
    const end = this.#end;
    if (end === undefined) return new Promise((resolve, reject) => this.#pulls.push({ resolve, reject }));
    if (end === 'done') return Promise.resolve({ value: undefined, done: true });
    this.#end = 'done';
    return Promise.reject(end.error);
  }

  /** The handler wants no more: what comes is dropped, and permits nothing. */
  return(): Promise<IteratorResult<unknown>> {
    this.#items.length = this.#first = 0;
    this.#end = 'done';
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
