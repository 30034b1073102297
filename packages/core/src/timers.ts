import * as promises from 'node:timers/promises';

/*
 * Taken when this module is loaded, not when they are called: tests install fake timers later, which never fire for what
 * other processes do.
 */
const { setTimeout, clearTimeout, setImmediate, clearImmediate, performance } = globalThis;
const { setTimeout: timeoutPromise, setImmediate: immediatePromise } = promises;
const { bigint: hrtime } = process.hrtime;
const now = performance.now.bind(performance);

/** Options of {@link Timers.sleep} and {@link Timers.nextTurn}. */
export interface PauseOptions {
  /** Ends the pause with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Whether the pause keeps the event loop alive. Defaults to true. */
  readonly ref?: boolean | undefined;
}

/** The timers of Node as they were when this package was loaded. */
export interface Timers {
  readonly setTimeout: (callback: () => void, milliseconds: number) => NodeJS.Timeout;
  readonly clearTimeout: (timer: NodeJS.Timeout | undefined) => void;
  readonly setImmediate: (callback: () => void) => NodeJS.Immediate;
  readonly clearImmediate: (immediate: NodeJS.Immediate | undefined) => void;
  /** `performance.now()`: milliseconds since this process started. */
  readonly now: () => number;
  /** `process.hrtime.bigint()`: nanoseconds of a monotonic clock, in Node of that of the system. */
  readonly hrtime: () => bigint;
  /** Settles after that many milliseconds; rejects with the signal's reason when it aborts. */
  readonly sleep: (milliseconds: number, options?: PauseOptions) => Promise<void>;
  /** Settles in the next turn of the event loop; rejects with the signal's reason when it aborts. */
  readonly nextTurn: (options?: PauseOptions) => Promise<void>;
}

async function pause(wait: (options: PauseOptions) => Promise<void>, options: PauseOptions): Promise<void> {
  const { signal, ref = true } = options;
  signal?.throwIfAborted();
  try {
    await wait(signal === undefined ? { ref } : { ref, signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

/**
 * The timers of Node that wait for other processes, captured when this package was loaded, so that fake timers of a test
 * framework, installed afterwards, leave them alone.
 */
export const timers: Timers = {
  setTimeout,
  clearTimeout,
  setImmediate,
  clearImmediate,
  now,
  hrtime,
  sleep: (milliseconds, options = {}) =>
    pause((given) => timeoutPromise(milliseconds, undefined, given as object), options),
  nextTurn: (options = {}) => pause((given) => immediatePromise(undefined, given as object), options),
};
