import type { OpenMode } from '../membership/channel-memory.js';

/** What ends the waiting of a call that joins a channel, or opens a bus. */
export interface JoinLimits {
  /** Gives up joining with the signal's reason. Once joined, it has no effect. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Gives up joining with a `TIMEOUT` after that many milliseconds: joining takes the channel's publisher lock, which a
   * process that was stopped may hold. `Infinity` waits for as long as it takes. Defaults to 5000.
   */
  readonly timeout?: number | undefined;
}

/** Options that every participant has when it joins. */
export interface JoinOptions extends JoinLimits {
  /** Name shown by `bus.inspect()` and `bus.list()`; truncated to 48 bytes. Defaults to none. */
  readonly name?: string | undefined;
  /**
   * What to do where the channel exists, and where it does not: `open-or-create`, or one of them only, which fails with
   * `NOT_FOUND` or `EXISTS` otherwise. Defaults to `open-or-create`.
   */
  readonly open?: OpenMode | undefined;
}

/** Default of `timeout`. */
export const DEFAULT_JOIN_TIMEOUT_MS = 5000;
