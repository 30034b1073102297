/** Bytes of items that are under way at a time, before the other side says that it has taken some. */
const WINDOW: number = 64 * 1024;
/** It says so after so many. */
const STEP: number = WINDOW / 4;
/** What an item costs beside its bytes. */
const OVERHEAD = 64;

/** What an item costs of the window. */
export function costOf(item: Uint8Array): number {
  return item.length + OVERHEAD;
}

/** What a side that sends items may still send. */
export class Credit {
  #left = WINDOW;
  #wake: (() => void) | undefined;

  /** The other side has taken items. */
  add(bytes: number): void {
    this.#left += bytes;
    this.#wake?.();
  }

  spend(bytes: number): void {
    this.#left -= bytes;
  }

  /** Settles when an item may be sent; rejects with the signal's reason. */
  async wait(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#left > 0) return;
    await new Promise<void>((resolve, reject) => {
      const settle = () => {
        if (this.#left <= 0 && !signal.aborted) return;
        this.#wake = undefined;
        signal.removeEventListener('abort', settle);
        if (signal.aborted) reject(signal.reason);
        else resolve();
      };
      this.#wake = settle;
      signal.addEventListener('abort', settle);
    });
  }
}

/** What a stream of received items tells. */
interface ItemsHooks {
  /** Items of so many bytes were taken: as many may be sent again. */
  credit(bytes: number): void;
  /** The reader wants no more. */
  left(): void;
}

/** Items as they are received, in order, until they are read. */
export class ReceivedItems implements AsyncIterableIterator<Uint8Array> {
  readonly #hooks: ItemsHooks;
  readonly #items: Uint8Array[] = [];
  #received = 0;
  #taken = 0;
  #end: { readonly error: Error | undefined } | undefined;
  #wake: (() => void) | undefined;

  constructor(hooks: ItemsHooks) {
    this.#hooks = hooks;
  }

  /** @returns whether it is the one that is due. */
  push(item: Uint8Array, number: number): boolean {
    if (number !== this.#received + 1) return false;
    this.#received = number;
    if (this.#end !== undefined) return true;
    this.#items.push(item);
    this.#wake?.();
    return true;
  }

  /** @returns whether all items have come. */
  finish(count: number): boolean {
    if (count !== this.#received) return false;
    this.#settle(undefined);
    return true;
  }

  /** What has come is still read. */
  fail(error: Error): void {
    this.#settle(error);
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined) {
        this.#take(costOf(item));
        return { value: item, done: false };
      }
      if (this.#end?.error !== undefined) throw this.#end.error;
      if (this.#end !== undefined) return { value: undefined, done: true };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#items.length = 0;
    if (this.#end === undefined) {
      this.#settle(undefined);
      this.#hooks.left();
    }
    return { value: undefined, done: true };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #take(cost: number): void {
    this.#taken += cost;
    if (this.#taken < STEP || this.#end !== undefined) return;
    this.#hooks.credit(this.#taken);
    this.#taken = 0;
  }

  #settle(error: Error | undefined): void {
    this.#end ??= { error };
    this.#wake?.();
  }
}
