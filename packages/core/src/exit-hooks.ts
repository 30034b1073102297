import { constants } from 'node:os';
import { isMainThread } from 'node:worker_threads';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

type AtExit = (hook: () => void) => () => void;

function createAtExit(): AtExit {
  const hooks = new Set<() => void>();

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
    // Others listen too: how the process ends is theirs to say.
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

  return (hook) => {
    if (hooks.size === 0) addListeners();
    hooks.add(hook);
    return () => {
      if (hooks.delete(hook) && hooks.size === 0) removeListeners();
    };
  };
}

/**
 * The first copy of this module that a thread loads serves all others, of whatever version: two sets of listeners would
 * each take the other for the program's own, and the process would outlive every signal. So this function, with what it
 * takes and returns, must stay as it is.
 */
const SHARED = Symbol.for('mmfbus.at-exit');
const shared = globalThis as { [SHARED]?: AtExit };
shared[SHARED] ??= createAtExit();

/**
 * Runs `hook` when this thread ends in any way that can be seen: the end of its work, `process.exit()`, an uncaught
 * exception, or SIGINT, SIGTERM and SIGHUP where nothing else listens to them. Hooks run in reverse order and must not
 * wait for anything.
 *
 * @returns takes the hook back. Call it after the cleaning up: without a hook a signal ends the process at once.
 */
export const atExit: AtExit = shared[SHARED];
