/** Options of `client()`. */
export interface ClientOptions {
  /** Name of the client, which servers see as that of the caller; truncated to 48 bytes. Defaults to none. */
  readonly name?: string | undefined;
  /**
   * Milliseconds for which a call waits for a server where none runs, before it fails with `NO_SERVER`; `Infinity` for as long
   * as the call may take. Defaults to 0.
   */
  readonly waitForServer?: number | undefined;
  /** Milliseconds until a call is given up that does not say so itself; `Infinity` for never. Defaults to 30,000. */
  readonly timeout?: number | undefined;
  /**
   * Milliseconds after which a call that its server has not started goes to another server: because the first one is slow, or was
   * stopped. It never runs on both. Defaults to never.
   */
  readonly moveAfter?: number | undefined;
  /**
   * Milliseconds for which an idle client looks for answers again and again before it sleeps, from 0 to 1000; see
   * `SubscriberOptions.pollWindow`. Defaults to 0.2.
   */
  readonly pollWindow?: number | undefined;
  /** Gives up joining with the signal's reason. Once joined, it has no effect. */
  readonly signal?: AbortSignal | undefined;
  /** Gives up joining with a `TIMEOUT` after that many milliseconds; `Infinity` for never. Defaults to 5000. */
  readonly joinTimeout?: number | undefined;
}
