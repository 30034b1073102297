import { timers } from '@mmfbus/core/internal';

/** What a draining looks at. */
export interface Drained {
  /** Position up to which the program has handled everything. */
  readonly handled: number;
}

/** Limits of one call that drains. */
export interface DrainLimits {
  readonly signal: AbortSignal | undefined;
  /** Milliseconds without a message being handled. */
  readonly timeout: number;
  /** Makes the error when that is over. */
  readonly onStalled: () => Error;
}

/** The calls that wait until everything up to a position was handled. */
export class Draining {
  readonly #goal: number;
  readonly #drained: Drained;
  readonly #ends = new Set<(error?: unknown) => void>();

  constructor(drained: Drained, goal: number) {
    this.#drained = drained;
    this.#goal = goal;
  }

  /** Whether everything was handled. */
  get isDone(): boolean {
    return this.#drained.handled >= this.#goal;
  }

  /** Whether no call waits. */
  get isGivenUp(): boolean {
    return this.#ends.size === 0;
  }

  /** Settles with {@link Draining.end}, or rejects where a limit is over before. */
  wait({ signal, timeout, onStalled }: DrainLimits): Promise<void> {
    return new Promise((resolve, reject) => {
      let { handled } = this.#drained;
      let timer: NodeJS.Timeout | undefined;
      const end = (error?: unknown) => {
        if (!this.#ends.delete(end)) return;
        timers.clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        if (error === undefined) resolve();
        else reject(error);
      };
      const abort = () => end(signal?.reason);
      const look = () => {
        if (this.#drained.handled === handled) return end(onStalled());
        handled = this.#drained.handled;
        timer = timers.setTimeout(look, timeout);
      };
      if (timeout !== Number.POSITIVE_INFINITY) timer = timers.setTimeout(look, timeout);
      signal?.addEventListener('abort', abort, { once: true });
      this.#ends.add(end);
    });
  }

  /** The subscription has ended. */
  end(): void {
    for (const end of this.#ends) end();
  }
}
