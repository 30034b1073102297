import type { MethodContract } from './service-contract.js';

/** What every copy of this package marks its declared errors with. */
const BRAND: unique symbol = Symbol.for('mmfbus.DeclaredError') as never;

/**
 * An error that a method declares: a handler makes it by `errors.CODE(data)` of its context and throws it, and the call rejects with it.
 * `isError` of the service gives its data the type that the contract has.
 *
 * @typeParam Code its code.
 * @typeParam Data its data.
 */
export class DeclaredError<Code extends string = string, Data = unknown> extends Error {
  override readonly name = 'DeclaredError';
  /** Which of the method's errors it is. */
  readonly code: Code;
  /** What the error carries; undefined where it carries nothing. */
  readonly data: Data;
  /** The service whose contract declares it. */
  readonly service: string;
  /** The method that declares it. */
  readonly method: string;
  /** The handler did run. */
  readonly started: 'maybe';

  constructor(service: string, method: string, code: Code, data: Data) {
    super(`${service}.${method}: ${code}`);
    this.code = code;
    this.data = data;
    this.service = service;
    this.method = method;
    this.started = 'maybe';
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** Also of errors that another copy of this package has made. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: of a class that extends this one, only its own.
    const { prototype } = this;
    if (prototype !== DeclaredError.prototype)
      return Object.prototype.isPrototypeOf.call(prototype, value as object);
    return typeof value === 'object' && value !== null && BRAND in value;
  }
}

/** The functions that make the errors of a method, by their codes. */
export function errorMakers(
  service: string,
  method: MethodContract,
): Readonly<Record<string, (data?: unknown) => DeclaredError>> {
  const makers = [...method.errors.keys()].map(
    (code) => [code, (data?: unknown) => new DeclaredError(service, method.name, code, data)] as const,
  );
  return Object.freeze(Object.fromEntries(makers));
}

/**
 * Whether a method declares what its handler threw. An error of another service, or of another method, that a handler passes on is not
 * one of its own, even where the code is the same.
 */
export function isDeclared(
  service: string,
  method: MethodContract,
  thrown: unknown,
): thrown is DeclaredError {
  return (
    thrown instanceof DeclaredError &&
    thrown.service === service &&
    thrown.method === method.name &&
    method.errors.has(thrown.code)
  );
}
