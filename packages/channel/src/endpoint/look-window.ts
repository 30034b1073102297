/** Default of `pollWindow`, milliseconds. */
export const DEFAULT_POLL_WINDOW = 0.2;
/** A window that would shrink below this part of its longest is closed: looking again would not have paid for long. */
const SHORTEST_PART = 16;

/** For how long to look again and again before going to sleep: less each time that it comes to nothing. */
export class LookWindow {
  /** Milliseconds. */
  length: number;
  readonly #longest: number;
  #asleepSince = 0;

  /** @param longest milliseconds; 0 for a window that is never open. */
  constructor(longest: number) {
    this.#longest = longest;
    this.length = longest;
  }

  /** Looking has paid. */
  open(): void {
    this.length = this.#longest;
  }

  /** Nothing came while it was open. */
  fallAsleep(now: number): void {
    this.length = this.length > this.#longest / SHORTEST_PART ? this.length / 2 : 0;
    this.#asleepSince = now;
  }

  /** Where looking a little longer would have spared the sleep, it is worth it the next time. */
  wakeUp(now: number): void {
    if (now - this.#asleepSince < this.#longest) this.open();
  }
}
