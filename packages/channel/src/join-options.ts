/** What ends the waiting of a call that joins a channel, or opens a bus. */
export interface JoinOptions {
  /** Gives up joining with the signal's reason. Once joined, it has no effect. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Gives up joining with a `TIMEOUT` after that many milliseconds: joining takes the channel's publisher lock, which a
   * process that was stopped may hold. `Infinity` waits for as long as it takes. Defaults to 5000.
   */
  readonly timeout?: number | undefined;
}

/** Default of `timeout`. */
export const DEFAULT_JOIN_TIMEOUT_MS = 5000;
