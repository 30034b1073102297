import { monotonicNow } from '@mmfbus/channel';
import { timers } from '@mmfbus/core/internal';

const NS_PER_MS = 1e6;
/** Longest time that a timer takes, milliseconds. */
const LONGEST_MS: number = 2 ** 31 - 1;

/** One timer for many times, which fires at the earliest of them: then the owner looks which are over, and sets the others anew. */
export class EarliestTimer {
  readonly #onDue: (now: number) => void;
  #timer: NodeJS.Timeout | undefined;
  #at: number = Number.POSITIVE_INFINITY;

  /** @param onDue is given the time. The timer does not keep the process alive. */
  constructor(onDue: (now: number) => void) {
    this.#onDue = onDue;
  }

  /** Fires at that time at the latest, nanoseconds of the monotonic clock. */
  set(at: number): void {
    if (at >= this.#at) return;
    timers.clearTimeout(this.#timer);
    this.#at = at;
    const pause = Math.min(LONGEST_MS, Math.max(0, Math.ceil((at - monotonicNow()) / NS_PER_MS)));
    this.#timer = timers.setTimeout(() => this.#fire(), pause);
    this.#timer.unref();
  }

  clear(): void {
    timers.clearTimeout(this.#timer);
    this.#at = Number.POSITIVE_INFINITY;
  }

  #fire(): void {
    this.#at = Number.POSITIVE_INFINITY;
    this.#onDue(monotonicNow());
  }
}
