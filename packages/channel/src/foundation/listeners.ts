import { callAlone } from '@mmfbus/core/internal';

/** Functions that are called one after the other; what one of them throws is an uncaught exception, and stops no other. */
export class Listeners<A extends readonly unknown[] = []> {
  readonly #listeners = new Set<(...args: A) => void>();

  /** @returns takes the listener out again. */
  add(listener: (...args: A) => void): () => void {
    // A function of its own, so that one given twice counts twice.
    const own = (...args: A) => listener(...args);
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  call(...args: A): void {
    for (const listener of this.#listeners) callAlone(() => listener(...args));
  }
}
