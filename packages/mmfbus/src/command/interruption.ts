const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Ctrl-C, and what ends a process otherwise. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/**
 * Aborts at the first signal that asks the process to end; at the second one the operating system ends it.
 *
 * @returns the signal, and what gives the operating system its way again.
 */
export function interruption(): { readonly signal: AbortSignal; forget(): void } {
  const controller = new AbortController();
  const forget = () => {
    for (const name of SIGNALS) process.off(name, interrupt);
  };
  const interrupt = (name: NodeJS.Signals) => {
    forget();
    controller.abort(new Interrupted(`interrupted by ${name}`));
  };
  for (const name of SIGNALS) process.on(name, interrupt);
  return { signal: controller.signal, forget };
}
