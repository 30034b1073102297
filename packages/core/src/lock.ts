import { checkOneOf, checkOptions, checkSize, WAIT_RULES } from './arguments.js';
import { MmfError } from './errors.js';
import { timers } from './timers.js';

/** Readers share a lock, a writer has it alone. */
export type LockKind = 'read' | 'write';

/** What one try to take a lock came to. */
export type LockOutcome = 'acquired' | 'READ_LOCKED' | 'WRITE_LOCKED' | 'UNINITIALIZED' | 'MAX_READERS';

/** A lock between processes. Implement it to guard a mapping by another rule than winmmf's. */
export interface Lock {
  /** Tries once, without waiting. */
  tryAcquire(kind: LockKind): LockOutcome;
  /**
   * Gives back what `tryAcquire` gave.
   *
   * @throws {@link MmfError} `LOCK_VIOLATION` when it is not held.
   */
  release(kind: LockKind): void;
  /**
   * Frees the lock, even one that another process holds, where that can be done. Only for a lock whose holder is known to be
   * dead: a living one goes on as if it still had the lock.
   */
  breakLock(): void;
  /** The state in words, for error messages. */
  describe(): string;
}

/** How long to wait for a lock without blocking the event loop. */
export interface LockWait {
  /** Gives up with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until it gives up with `TIMEOUT`. Defaults to waiting for ever. */
  readonly timeout?: number | undefined;
}

/** Tries of {@link spinAcquire} unless told otherwise: well under a millisecond. */
const DEFAULT_MAX_TRIES = 10_000;

const KINDS: readonly LockKind[] = ['read', 'write'];
const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 32;

function lockError(
  kind: LockKind,
  lock: Pick<Lock, 'describe'>,
  outcome: LockOutcome,
  limit: string,
): MmfError {
  const wait = outcome === 'READ_LOCKED' || outcome === 'WRITE_LOCKED' || outcome === 'MAX_READERS';
  return new MmfError(
    wait ? 'TIMEOUT' : (outcome as 'UNINITIALIZED'),
    `no ${kind} lock ${limit}: ${lock.describe()}. The word names no owner, so a process that died with the lock ` +
      'leaves it held; see breakLock()',
  );
}

/**
 * Takes the lock, trying again at once up to `maxTries` times; the event loop stands still meanwhile.
 *
 * @throws {@link MmfError} `TIMEOUT`, `UNINITIALIZED` or `INVALID_ARGUMENT`.
 */
export function spinAcquire(lock: Lock, kind: LockKind, maxTries: number = DEFAULT_MAX_TRIES): void {
  checkOneOf(kind, KINDS, 'the kind of a lock');
  checkSize(maxTries, 'maxTries', 1, Number.MAX_SAFE_INTEGER);
  let outcome: LockOutcome = 'UNINITIALIZED';
  for (let tries = 0; tries < maxTries; tries++) {
    outcome = lock.tryAcquire(kind);
    if (outcome === 'acquired') return;
    if (outcome === 'UNINITIALIZED') break;
  }
  throw lockError(kind, lock, outcome, `within ${maxTries} tries`);
}

/**
 * Takes the lock, pausing longer and longer between tries, up to 32 ms; the event loop goes on meanwhile.
 *
 * @throws {@link MmfError} `TIMEOUT` after the timeout, `UNINITIALIZED`, `INVALID_ARGUMENT`, or `CLOSED` when the lock's
 * mapping was closed meanwhile; the signal's reason when it aborts.
 */
export async function awaitAcquire(
  lock: Pick<Lock, 'tryAcquire' | 'describe'>,
  kind: LockKind,
  wait: LockWait = {},
): Promise<void> {
  checkOneOf(kind, KINDS, 'the kind of a lock');
  checkOptions(wait, WAIT_RULES, 'awaitAcquire');
  const { signal, timeout = Number.POSITIVE_INFINITY } = wait;
  const deadline = timers.now() + timeout;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    signal?.throwIfAborted();
    const outcome = lock.tryAcquire(kind);
    if (outcome === 'acquired') return;
    const left = deadline - timers.now();
    if (outcome === 'UNINITIALIZED' || left <= 0)
      throw lockError(kind, lock, outcome, `within ${timeout} ms`);
    await timers.sleep(Math.min(pause, left), { signal });
  }
}
