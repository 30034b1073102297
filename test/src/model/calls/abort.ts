import type { Run } from '../run.js';

type Listener = () => void;

/**
 * `AbortController` for sources of the model. That of Node makes an uncaught exception of what a listener throws, in a later turn of
 * the event loop, which would be another execution by then.
 */
export function madeUpAborting(now: () => Run): Record<string, unknown> {
  class Signal {
    aborted = false;
    reason: unknown;
    readonly listeners = new Set<Listener>();

    addEventListener(_event: 'abort', listener: Listener): void {
      this.listeners.add(listener);
    }

    removeEventListener(_event: 'abort', listener: Listener): void {
      this.listeners.delete(listener);
    }

    throwIfAborted(): void {
      if (this.aborted) throw this.reason;
    }
  }

  class Controller {
    readonly signal = new Signal();

    abort(reason: unknown = new Error('aborted')): void {
      const { signal } = this;
      if (signal.aborted) return;
      signal.aborted = true;
      signal.reason = reason;
      for (const listener of [...signal.listeners]) {
        try {
          listener();
        } catch (error) {
          now().fail(error);
        }
      }
    }
  }
  return { AbortController: Controller };
}
