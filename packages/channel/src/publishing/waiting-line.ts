import { STATE_RELIABLE } from '../layout/participant-layout.js';
import type { Member } from '../participants/member.js';
import type { PublishOutcome } from './outbox.js';

/** Those calls of one publisher that wait for room, in the order in which they were made. */
export class WaitingLine {
  readonly #member: Member;
  /** Aborted when the publisher closes. */
  readonly #closing: AbortSignal;
  /** The last one in the line. */
  #last: Promise<void> | undefined;
  #wake: (() => void) | undefined;

  constructor(member: Member, closing: AbortSignal) {
    this.#member = member;
    this.#closing = closing;
    member.onRing = () => this.#wake?.();
  }

  /** Whether nobody waits. */
  get isEmpty(): boolean {
    return this.#last === undefined;
  }

  /** Makes the attempt again and again until it succeeds or a signal aborts, after all those who wait already. */
  async wait(attempt: () => PublishOutcome, signals: readonly AbortSignal[]): Promise<void> {
    const stop = [...signals, this.#closing];
    const before = this.#last;
    const turn = (async () => {
      await before;
      for (const one of stop) one.throwIfAborted();
      await this.#sleepUntil(attempt, stop);
    })();
    const settled = turn.then(
      () => {},
      () => {},
    );
    this.#last = settled;
    try {
      await orAborted(turn, stop);
    } finally {
      void settled.then(() => {
        if (this.#last === settled) this.#last = undefined;
      });
    }
  }

  /** Tries whenever a subscriber has taken something or is gone; the event loop sleeps meanwhile. */
  async #sleepUntil(attempt: () => PublishOutcome, stop: readonly AbortSignal[]): Promise<void> {
    const { table, slot, port, lock } = this.#member;
    port.ref();
    try {
      for (;;) {
        this.#member.watchOver(STATE_RELIABLE);
        const rung = new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        // SYNC: waiting for room. Counted before the attempt reads the cursors; subscribers store them before they count.
        table.fallAsleep(slot);
        let outcome: PublishOutcome;
        try {
          outcome = attempt();
          if (outcome === 'full') await orAborted(rung, stop);
        } finally {
          if (!this.#closing.aborted) table.wakeUp(slot);
        }
        if (outcome === 'published') return;
        if (outcome === 'busy') {
          await lock.acquire(stop);
          lock.release();
        }
      }
    } finally {
      port.unref();
    }
  }
}

/**
 * The promise, or a rejection with a signal's reason when that comes first. Unlike `AbortSignal.any` it leaves nothing
 * behind on a signal that lives long.
 */
function orAborted<R>(promise: Promise<R>, signals: readonly AbortSignal[]): Promise<R> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signals.find(({ aborted }) => aborted)?.reason);
    if (signals.some(({ aborted }) => aborted)) {
      abort();
      return;
    }
    for (const signal of signals) signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => {
      for (const signal of signals) signal.removeEventListener('abort', abort);
    });
  });
}
