import { timers } from '@mmfbus/core/internal';

const FIRST_MS = 50;
const LONGEST_MS = 2000;

/**
 * Does something until it succeeds.
 *
 * @param onFailure is told of each failure.
 * @throws the signal's reason when it aborts.
 */
export async function retrying<R>(
  action: () => Promise<R>,
  onFailure: (error: Error) => void,
  signal: AbortSignal,
): Promise<R> {
  for (let pause = FIRST_MS; ; pause = Math.min(2 * pause, LONGEST_MS)) {
    signal.throwIfAborted();
    try {
      return await action();
    } catch (error) {
      signal.throwIfAborted();
      onFailure(error instanceof Error ? error : new Error(String(error)));
    }
    await timers.sleep(pause, { signal });
  }
}
