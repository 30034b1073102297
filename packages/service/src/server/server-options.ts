/** Options of `serve()`. */
export interface ServeOptions {
  /** Name of the server, which its clients see; truncated to 48 bytes. Defaults to none. */
  readonly name?: string | undefined;
  /** How many handlers run at once that give a promise, streams left out. `Infinity` for any number. Defaults to 256. */
  readonly concurrency?: number | undefined;
  /** How many calls wait for their turn; those beyond go to another server, or fail with `BUSY`. Defaults to 1024. */
  readonly queue?: number | undefined;
  /** How many calls with streams run at once. Defaults to 1024. */
  readonly streams?: number | undefined;
  /** Whether clients get the stacks of errors that handlers throw. Defaults to false: a stack shows the paths of this machine. */
  readonly stacks?: boolean | undefined;
  /**
   * Milliseconds for which an idle server looks for calls again and again before it sleeps, from 0 to 1000; see
   * `SubscriberOptions.pollWindow`. Defaults to 0.2.
   */
  readonly pollWindow?: number | undefined;
  /** Gives up joining with the signal's reason. Once joined, it has no effect. */
  readonly signal?: AbortSignal | undefined;
  /** Gives up joining with a `TIMEOUT` after that many milliseconds; `Infinity` for never. Defaults to 5000. */
  readonly timeout?: number | undefined;
}

/** Options of `drain()`. */
export interface CloseServerOptions {
  /** Cancels the handlers that still run when it aborts. */
  readonly signal?: AbortSignal | undefined;
  /** Cancels the handlers that still run after that many milliseconds; `Infinity` for never. Defaults to 30,000. */
  readonly timeout?: number | undefined;
}

/** Why a server has closed: `lost` where its memory was damaged or removed. */
export interface ServerCloseInfo {
  readonly reason: 'local' | 'lost';
  readonly error?: unknown;
}

/** Answers the calls of a service. Made by `Service.serve`. It keeps the process alive; see {@link Server.unref}. */
export interface Server extends AsyncDisposable {
  /** Name of the service. */
  readonly service: string;
  /** Name of the server. */
  readonly name: string;
  /** Whether it takes calls. */
  readonly isOpen: boolean;
  /** Calls that it has taken and not answered. */
  readonly outstanding: number;
  /** Resolves when it has closed. */
  readonly closed: Promise<ServerCloseInfo>;
  /**
   * Takes no more calls, and closes when the handlers that run have ended. Calls that have not started go to other servers. No
   * call is lost.
   *
   * @throws {@link ServiceError} `INVALID_ARGUMENT`.
   */
  drain(options?: CloseServerOptions): Promise<void>;
  /**
   * Takes no more calls, cancels the handlers that run, and closes without waiting for them. What a handler gives at once is still sent. Calls
   * without an answer, and those whose handlers fail or leave a stream because of it, end with `SERVER_DIED`, or go to another server where
   * their method is idempotent.
   */
  close(): Promise<void>;
  /** Keeps the process alive, as it does from the start. */
  ref(): this;
  /** Lets the process end although this server is open. */
  unref(): this;
}
