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
 * @param reloads says that SIGHUP means something else. Defaults to false.
 * @returns the signal, and what gives the operating system its way again.
 */
export function interruption(reloads = false): { readonly signal: AbortSignal; forget(): void } {
  const signals = reloads ? SIGNALS_OF_RELOADING : SIGNALS;
  const controller = new AbortController();
  let first: number | undefined;
  const forget = () => {
    for (const name of signals) process.off(name, interrupt);
  };
  const interrupt = (name: NodeJS.Signals) => {
    first ??= performance.now();
    controller.abort(new Interrupted(`interrupted by ${name}`));
    if (performance.now() - first < SAME_MS) return;
    forget();
    process.kill(process.pid, name);
  };
  for (const name of signals) process.on(name, interrupt);
  return { signal: controller.signal, forget };
}
