import { checkOptions, isFunction, show, WAIT_RULES } from './arguments.js';
import { MmfError } from './errors.js';
import { awaitAcquire, type Lock, type LockKind, type LockWait } from './lock.js';

/** One taking of a lock. */
interface Hold {
  readonly kind: LockKind;
}

/** The takings of a mapping's lock that outlast a turn of the event loop, so that closing the mapping gives them back. */
export class LockHolds {
  readonly #lock: Lock;
  readonly #holds = new Set<Hold>();
  readonly #closing = new AbortController();

  constructor(lock: Lock) {
    this.#lock = lock;
  }

  /** Waits for the lock, runs `use` with it and releases it, unless {@link LockHolds.close} did. */
  async run<R>(kind: LockKind, use: () => R | Promise<R>, wait: LockWait, of: string): Promise<R> {
    checkOptions(wait, WAIT_RULES, of);
    if (!isFunction.allows(use)) {
      throw new MmfError('INVALID_ARGUMENT', `what ${of} runs must be ${isFunction.words}, not ${show(use)}`);
    }
    const hold: Hold = { kind };
    await this.#acquire(hold, wait);
    // It may have been closed since the lock was taken.
    this.#closing.signal.throwIfAborted();
    try {
      return await use();
    } finally {
      if (this.#holds.delete(hold)) this.#lock.release(kind);
    }
  }

  /** Gives back all that is held, and rejects all that wait with the reason. Throws nothing. */
  close(reason: MmfError): void {
    this.#closing.abort(reason);
    for (const { kind } of this.#holds) {
      try {
        this.#lock.release(kind);
      } catch {
        // Another process broke the lock meanwhile, so there is nothing to give back.
      }
    }
    this.#holds.clear();
  }

  async #acquire(hold: Hold, wait: LockWait): Promise<void> {
    const lock: Pick<Lock, 'tryAcquire' | 'describe'> = {
      tryAcquire: (kind) => {
        const outcome = this.#lock.tryAcquire(kind);
        // At once: a promise that tells of it settles later than the program may close.
        if (outcome === 'acquired') this.#holds.add(hold);
        return outcome;
      },
      describe: () => this.#lock.describe(),
    };
    wait.signal?.throwIfAborted();
    if (lock.tryAcquire(hold.kind) === 'acquired') return;
    const closing = this.#closing.signal;
    const signal = wait.signal === undefined ? closing : AbortSignal.any([closing, wait.signal]);
    await awaitAcquire(lock, hold.kind, { signal, timeout: wait.timeout });
  }
}
