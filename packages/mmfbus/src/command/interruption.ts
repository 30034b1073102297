const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const SIGNALS_OF_RELOADING = ['SIGINT', 'SIGTERM'] as const;

/** Ctrl-C, and what ends a process otherwise. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** Signals within that many milliseconds are one: npx and timeout pass on what the terminal has sent to the process already. */
const SAME_MS = 1000;

/**
 * Aborts at the first signal that asks the process to end; at a later one the operating system ends it.
 *
 * Signals are heard until the process has ended: the second of two that are one may come when the work is done already, and must
 * not change what the process ends with.
 *
 * @param reloads says that SIGHUP means something else. Defaults to false.
 */
export function interruption(reloads = false): AbortSignal {
  const controller = new AbortController();
  let first: number | undefined;
  for (const name of reloads ? SIGNALS_OF_RELOADING : SIGNALS) {
    process.on(name, () => {
      first ??= performance.now();
      controller.abort(new Interrupted(`interrupted by ${name}`));
      if (performance.now() - first >= SAME_MS) endBy(name);
    });
  }
  return controller.signal;
}

/** Ends the process as the operating system does at that signal. */
export function endBy(name: NodeJS.Signals): void {
  process.removeAllListeners(name);
  process.kill(process.pid, name);
}
