import { constants } from 'node:os';
import { isMainThread } from 'node:worker_threads';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** One registry a thread, also when this module is loaded in more than one copy. */
const REGISTRY = Symbol.for('mmfbus.exit-hooks');
const shared = globalThis as { [REGISTRY]?: Set<() => void> };
shared[REGISTRY] ??= new Set();
const hooks: Set<() => void> = shared[REGISTRY];

function runHooks(): void {
  // What was opened last closes first.
  for (const hook of [...hooks].reverse()) {
    try {
      hook();
    } catch {
      // The process ends; what could not be cleaned up is found by proof of death.
    }
  }
  hooks.clear();
}

function onSignal(signal: NodeJS.Signals): void {
  // Somebody else listens too: how the process ends is theirs to say.
  if (process.listenerCount(signal) > 1) return;
  runHooks();
  removeListeners();
  process.kill(process.pid, signal);
  // The first process of a PID namespace ignores a signal that it has no handler for.
  if (process.pid === 1) process.exit(128 + constants.signals[signal]);
}

function addListeners(): void {
  process.on('exit', runHooks);
  // Workers get no signals.
  if (isMainThread) for (const signal of SIGNALS) process.on(signal, onSignal);
}

function removeListeners(): void {
  process.removeListener('exit', runHooks);
  if (isMainThread) for (const signal of SIGNALS) process.removeListener(signal, onSignal);
}

/**
 * Runs `hook` when this thread ends in any way that can be seen: the end of its work, `process.exit()`, an uncaught
 * exception, or SIGINT, SIGTERM and SIGHUP where nobody else listens to them. Hooks run in reverse order and must not
 * wait for anything.
 *
 * @returns takes the hook back. Call it after the cleaning up: without a hook a signal ends the process at once.
 */
export function atExit(hook: () => void): () => void {
  if (hooks.size === 0) addListeners();
  hooks.add(hook);
  return () => {
    if (hooks.delete(hook) && hooks.size === 0) removeListeners();
  };
}
