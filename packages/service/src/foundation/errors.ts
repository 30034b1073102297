/**
 * What went wrong, for programs:
 * - `INVALID_CONTRACT`: the definition of a service, or the text of a contract, cannot be used.
 * - `INVALID_HANDLERS`: what a server was given to answer with does not fit its contract: a handler is missing, unknown or no function.
 * - `INVALID_ARGUMENT`: an option is of the wrong type or outside its limits.
 * - `CLOSED`: the client or server was closed before.
 * - `NO_SERVER`: no server of the service runs, or came in time.
 * - `NO_METHOD`: no server that runs has the method, or has it as this program knows it.
 * - `SERVER_DIED`: the server that had the call died, or left, before it answered.
 * - `UNREACHABLE`: the server cannot answer this client, or this client cannot join it: for want of slots or descriptors.
 * - `MAILBOX_LOST`: the memory in which this client gets its answers was damaged or removed; it has a new one.
 * - `TIMEOUT`: the time that the call was given is over.
 * - `CANCELLED`: the program gave the call up, by its signal, by leaving a loop or by closing the client.
 * - `BUSY`: all servers have more calls than they take.
 * - `REFUSED`: the input does not fit the method; the message says where.
 * - `REMOTE`: the handler threw something that its method does not declare.
 */
export type ServiceErrorCode =
  | 'INVALID_CONTRACT'
  | 'INVALID_HANDLERS'
  | 'INVALID_ARGUMENT'
  | 'CLOSED'
  | 'NO_SERVER'
  | 'NO_METHOD'
  | 'SERVER_DIED'
  | 'UNREACHABLE'
  | 'MAILBOX_LOST'
  | 'TIMEOUT'
  | 'CANCELLED'
  | 'BUSY'
  | 'REFUSED'
  | 'REMOTE';

/** What every copy of this package marks its errors with. */
const BRAND: unique symbol = Symbol.for('mmfbus.ServiceError') as never;

/** What a {@link ServiceError} says besides its code and its message. */
export interface ServiceErrorOptions {
  /** Whether the handler can have run. Defaults to false. */
  readonly started?: false | 'maybe' | undefined;
  /** What led to it. */
  readonly cause?: unknown;
}

/** Every error that `@mmfbus/service` throws itself; those of `@mmfbus/channel` and `@mmfbus/core` pass through. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  /** What went wrong, for programs. */
  readonly code: ServiceErrorCode;
  /** The service it is about. */
  readonly service: string;
  /** Whether the handler can have run: `false` is a promise that it did not and will not. */
  readonly started: false | 'maybe';

  constructor(code: ServiceErrorCode, service: string, message: string, options: ServiceErrorOptions = {}) {
    super(`${service}: ${message}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    Object.defineProperty(this, BRAND, { value: true });
    this.service = service;
    this.started = options.started ?? false;
  }

  /** Also of errors that another copy of this package has made. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: of a class that extends this one, only its own.
    const { prototype } = this;
    if (prototype !== ServiceError.prototype)
      return Object.prototype.isPrototypeOf.call(prototype, value as object);
    return typeof value === 'object' && value !== null && BRAND in value;
  }
}
