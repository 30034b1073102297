import { type DeclaredError, errorMakers } from '../contract/declared-error.js';
import type { MethodContract } from '../contract/service-contract.js';
import type { Caller, Context } from '../contract/types.js';
import { ServiceError } from '../foundation/errors.js';
import type { CallerLink } from './caller-link.js';
import type { InputStream } from './input-stream.js';

type Makers = Readonly<Record<string, (data?: unknown) => DeclaredError>>;

const makersOf = new WeakMap<MethodContract, Makers>();

/** One call, as a server has it: the context of its handler. */
export class ServerCall implements Context {
  readonly service: string;
  readonly method: MethodContract;
  /** Undefined for a one-way call. */
  readonly link: CallerLink<ServerCall> | undefined;
  readonly caller: Caller;
  readonly id: number;
  readonly cell: number;
  readonly deadline: number;
  input: unknown;
  /** What does not fit in its input, or in an item of it, and the error that its handler gets of that. */
  refusal: { readonly problem: string; readonly error: ServiceError } | undefined;
  /** Undefined where its input is no stream. */
  stream: InputStream | undefined;
  /** Bytes of it that the handler has taken since the client was told. */
  taken = 0;
  /** When its handler was started, nanoseconds of the monotonic clock, and its number among those of the server. */
  began = 0;
  number = 0;
  isStarted = false;
  isOver = false;
  /** The server gives it up, or its client is gone. */
  #reason: ServiceError | undefined;
  #controller: AbortController | undefined;
  /** Wakes what waits for credit. */
  wake: (() => void) | undefined;
  /** Bytes of the stream of answers that were sent, modulo 2^32. */
  sent = 0;

  constructor(
    service: string,
    method: MethodContract,
    link: CallerLink<ServerCall> | undefined,
    caller: Caller,
    attempt: { readonly id: number; readonly cell: number; readonly deadline: number },
  ) {
    this.service = service;
    this.method = method;
    this.link = link;
    this.caller = caller;
    this.id = attempt.id;
    this.cell = attempt.cell;
    this.deadline = attempt.deadline === 0 ? Number.POSITIVE_INFINITY : attempt.deadline;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      // A caller that gives the call up this moment is told of later, when the handler can listen: a signal that is aborted already calls no listener.
      if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  get cancelled(): boolean {
    if (this.#reason !== undefined) return true;
    if (this.isOver || this.link === undefined || this.link.state !== 'ready') return false;
    return !this.link.cells.isRunning(this.cell, this.id);
  }

  get errors(): never {
    let makers = makersOf.get(this.method);
    if (makers === undefined) {
      makers = errorMakers(this.service, this.method);
      makersOf.set(this.method, makers);
    }
    return makers as never;
  }

  /** Whether it is cancelled, and its handler has been told. */
  get isCancelled(): boolean {
    return this.#reason !== undefined;
  }

  /** Why it is cancelled; undefined where its handler has not been told so. */
  get reason(): ServiceError | undefined {
    return this.#reason;
  }

  /** Tells the handler that its answer is of no use any more. */
  cancel(reason: ServiceError = this.#givenUp()): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.stream?.end({ error: reason });
    this.#controller?.abort(reason);
    this.wake?.();
  }

  #givenUp(): ServiceError {
    return new ServiceError(
      'CANCELLED',
      this.service,
      `${this.method.name}: the caller has given the call up`,
      {
        started: 'maybe',
      },
    );
  }
}
