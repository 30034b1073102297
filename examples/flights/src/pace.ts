import { setImmediate, setTimeout } from 'node:timers/promises';

/** Messages between two turns of the event loop at full speed. */
const FULL_SPEED_BATCH = 1024;
/** Batches a second when slowed down. */
const BATCHES_A_SECOND = 100;

/** Lets the event loop run between batches of messages, and keeps to a rate if there is one. */
export class Pace {
  /** How many messages to publish between two calls of `pause`. */
  readonly batch: number;
  readonly #rate: number | undefined;
  readonly #start = performance.now();

  /** @param rate messages a second; undefined: as fast as it goes. */
  constructor(rate: number | undefined) {
    this.#rate = rate;
    this.batch = rate === undefined ? FULL_SPEED_BATCH : Math.ceil(rate / BATCHES_A_SECOND);
  }

  /**
   * To be awaited after each batch.
   *
   * @param sent messages so far.
   * @throws the signal's reason when it aborts.
   */
  async pause(sent: number, signal: AbortSignal): Promise<void> {
    const wait = this.#rate === undefined ? 0 : this.#start + (sent / this.#rate) * 1000 - performance.now();
    try {
      await (wait > 0 ? setTimeout(wait, undefined, { signal }) : setImmediate(undefined, { signal }));
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  }
}
