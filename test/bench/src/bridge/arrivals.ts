import { ascending, percentile } from '../statistics.js';
import { nanoseconds, numberOf, stampOf } from './message.js';

/** What the last process says when it has all that it was to wait for. */
export interface Arrived {
  /** When the last one came, nanoseconds. */
  readonly end: number;
  /** Of those that say when they were sent, nanoseconds on their way. */
  readonly p50: number;
  readonly p99: number;
}

/** Counts messages: each number has to come, once and in order. */
export class Arrivals {
  #next = 0;
  #goal = Number.POSITIVE_INFINITY;
  #isTimed = false;
  #times: number[] = [];
  #settle: (arrived: Arrived) => void = () => {};

  /** How many came. */
  get count(): number {
    return this.#next;
  }

  /** Settles when that many more have come. */
  wait(count: number, isTimed: boolean): Promise<Arrived> {
    this.#goal = this.#next + count;
    this.#isTimed = isTimed;
    this.#times = [];
    return new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  take(message: Uint8Array): void {
    const number = numberOf(message);
    if (number !== this.#next) throw new Error(`message ${this.#next} did not come: ${number} did`);
    this.#next++;
    if (this.#isTimed) this.#times.push(nanoseconds() - stampOf(message));
    if (this.#next === this.#goal) this.#reach();
  }

  #reach(): void {
    const end = nanoseconds();
    const sorted = ascending(this.#times);
    this.#settle({ end, p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99) });
  }
}
