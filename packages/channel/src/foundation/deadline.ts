import { timers } from '@mmfbus/core/internal';

/** What ends a wait before it has a result. */
export interface WaitLimits {
  /** Gives up with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Gives up after that many milliseconds; `Infinity` for never. */
  readonly timeout?: number | undefined;
}

/**
 * Runs something that waits, with one signal for all that may end it. Nothing is left on the signals when it has settled.
 *
 * @param signals those that are undefined never end it.
 */
export async function withSignals<R>(
  signals: readonly (AbortSignal | undefined)[],
  action: (signal: AbortSignal) => Promise<R>,
): Promise<R> {
  for (const one of signals) one?.throwIfAborted();
  const any = new AbortController();
  const abort = () => any.abort(signals.find((one) => one?.aborted)?.reason);
  for (const one of signals) one?.addEventListener('abort', abort);
  try {
    return await action(any.signal);
  } finally {
    for (const one of signals) one?.removeEventListener('abort', abort);
  }
}

/**
 * Does that with a limit of time as well.
 *
 * @param tooLate makes the reason of the signal when the time is over.
 */
export async function withDeadline<R>(
  { signal, timeout = Number.POSITIVE_INFINITY }: WaitLimits,
  tooLate: () => Error,
  action: (signal: AbortSignal) => Promise<R>,
): Promise<R> {
  if (timeout === Number.POSITIVE_INFINITY) return withSignals([signal], action);
  const deadline = new AbortController();
  const timer = timers.setTimeout(() => deadline.abort(tooLate()), timeout);
  try {
    return await withSignals([signal, deadline.signal], action);
  } finally {
    timers.clearTimeout(timer);
  }
}

/** The promise's result, or the signal's reason when that comes first; the promise goes on by itself then. */
export async function unlessAborted<R>(promise: Promise<R>, signal: AbortSignal): Promise<R> {
  let abort: () => void = () => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort);
  });
  try {
    return await Promise.race([aborted, promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
