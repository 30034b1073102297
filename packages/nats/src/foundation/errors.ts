/**
 * What went wrong, for programs:
 * - `INVALID_ARGUMENT`: a route or an option is of the wrong type, outside its limits, or does not fit the others.
 * - `NO_JETSTREAM`: a route names a stream, and the package `@nats-io/jetstream` cannot be loaded.
 * - `NO_SERVICES`: a route is of services, and the package `@nats-io/services` cannot be loaded.
 * - `NO_STREAM`: the server has no stream of that name, or no JetStream.
 * - `TIMEOUT`: the server did not answer in time.
 * - `CLOSED`: the connection was closed before.
 */
export type BridgeErrorCode =
  | 'INVALID_ARGUMENT'
  | 'NO_JETSTREAM'
  | 'NO_SERVICES'
  | 'NO_STREAM'
  | 'TIMEOUT'
  | 'CLOSED';

/** What every copy of this package marks its errors with. */
const BRAND: unique symbol = Symbol.for('mmfbus.BridgeError') as never;

/** Every error that `@mmfbus/nats` throws itself; those of `@mmfbus/channel`, `@mmfbus/core` and the NATS client pass through. */
export class BridgeError extends Error {
  override readonly name = 'BridgeError';
  /** What went wrong, for programs. */
  readonly code: BridgeErrorCode;
  /** The route that it is about, as `prices to desk.prices`; or `the bridge`. */
  readonly route: string;

  constructor(code: BridgeErrorCode, route: string, message: string, options?: { cause?: unknown }) {
    super(`${route}: ${message}`, options?.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    Object.defineProperty(this, BRAND, { value: true });
    this.route = route;
  }

  /** Also of errors that another copy of this package has made. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: of a class that extends this one, only its own.
    const { prototype } = this;
    if (prototype !== BridgeError.prototype)
      return Object.prototype.isPrototypeOf.call(prototype, value as object);
    return typeof value === 'object' && value !== null && BRAND in value;
  }
}
