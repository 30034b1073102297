import type { Message, Subscriber } from '@mmfbus/channel';
import { idOf } from './messages.js';

/** What publishers of one channel have done, as far as subscribers may rely on it. */
export interface Ledger {
  /** Whether a message of that number was ever given to a publisher. */
  wasPublished(id: number): boolean;
  /** Whether bytes of messages may have been changed in the ring. */
  mayBeSpoilt(): boolean;
}

/** Something that must never happen. */
export class Violation extends Error {}

/**
 * Watches what one subscriber is given, and holds it to this: unless it was told of an error, a gap or its end first, each
 * message carries the next number (but for those that had begun before), is one that was published, and comes once. What the
 * bytes of a message are is not promised once the attacker has written into the ring.
 */
export class Witness {
  readonly #label: string;
  readonly #ledger: Ledger;
  readonly #seen = new Set<number>();
  #last: number | undefined;
  #begunBefore: number;
  /** How many good messages it was given. */
  taken = 0;
  /** How often it was told that something is wrong. */
  warnings = 0;

  /** @param begunBefore how many split messages may have been on their way where it began to read: they are not for it. */
  constructor(label: string, ledger: Ledger, subscriber: Subscriber<Uint8Array>, begunBefore: number) {
    this.#label = label;
    this.#begunBefore = begunBefore;
    this.#ledger = ledger;
    subscriber.on('gap', ({ from, to, count }) => {
      if (!(count > 0 && to - from + 1 === count)) this.#fail(`gap from ${from} to ${to}, ${count} messages`);
      this.#warn();
    });
    subscriber.on('error', (error) => {
      if (typeof error.code !== 'string') this.#fail(`error without a code: ${String(error)}`);
      this.#warn();
    });
    subscriber.on('close', () => this.#warn());
  }

  take({ value, sequence }: Message<Uint8Array>): void {
    const missed = this.#last === undefined ? 0 : sequence - this.#last - 1;
    this.#begunBefore -= missed;
    if (missed < 0 || this.#begunBefore < 0) this.#fail(`message ${sequence} after ${this.#last}`);
    this.#last = sequence;
    const id = idOf(value);
    if (id === undefined || !this.#ledger.wasPublished(id)) {
      if (!this.#ledger.mayBeSpoilt()) this.#fail(`message ${sequence} is none that was published`);
      return;
    }
    if (this.#seen.has(id)) this.#fail(`message ${sequence} is published message ${id} a second time`);
    this.#seen.add(id);
    this.taken++;
  }

  #warn(): void {
    this.warnings++;
    this.#last = undefined;
    this.#seen.clear();
  }

  #fail(text: string): never {
    throw new Violation(`${this.#label}: ${text}`);
  }
}
