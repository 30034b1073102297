import { monotonicNow } from '@mmfbus/channel';
import { CodecError } from '@mmfbus/codec';
import { diagnostics } from '../foundation/diagnostics.js';
import { ServiceError, type ServiceErrorCode } from '../foundation/errors.js';
import type { CallTable } from './call-table.js';
import type { InputSender } from './input-sender.js';
import type { OpenCall } from './open-call.js';

const NS_PER_MS = 1e6;

/** How the calls of a client end: each gives its program one outcome. */
export class CallOutcomes {
  readonly #service: string;
  readonly #table: CallTable;
  #open = 0;

  constructor(service: string, table: CallTable) {
    this.#service = service;
    this.#table = table;
  }

  /** Calls whose program waits for them. */
  get open(): number {
    return this.#open;
  }

  /** From here on the program waits for the call, which is made now: nanoseconds of the monotonic clock. */
  begin(call: OpenCall, now: number): void {
    this.#open++;
    const { start, end, error } = diagnostics;
    if (!start.hasSubscribers && !end.hasSubscribers && !error.hasSubscribers) return;
    call.began = now;
    start.publish({ service: this.#service, method: call.method.name });
  }

  succeed(call: OpenCall, value: unknown): void {
    this.#end(call, undefined);
    call.resolve(value);
    this.#forget(call);
  }

  fail(
    call: OpenCall,
    code: ServiceErrorCode,
    started: false | 'maybe',
    text: string,
    cause?: unknown,
  ): void {
    this.failWith(call, this.error(call, code, started, text, cause));
  }

  failWith(call: OpenCall, error: unknown): void {
    this.#end(call, error);
    call.reject(error);
    this.#forget(call);
  }

  /** @param attempt whether the present attempt can have started: one before it may have, too. */
  error(
    { method, mayHaveStarted }: OpenCall,
    code: ServiceErrorCode,
    attempt: false | 'maybe',
    text: string,
    cause?: unknown,
  ): ServiceError {
    const started = mayHaveStarted ? 'maybe' : attempt;
    return new ServiceError(code, this.#service, `${method.name}: ${text}`, { started, cause });
  }

  /** Ends a call whose program does not want it any more, or may not, unless it has ended. */
  giveUp(call: OpenCall, code: ServiceErrorCode, text: string, cause?: unknown): void {
    const table = this.#table;
    if (call.state === 'line') {
      table.line.delete(call);
      this.fail(call, code, false, text, cause);
      return;
    }
    if (call.state !== 'sent') return;
    if (table.withdraw(call)) {
      call.isWithdrawn = true;
      if (call.isSending) table.abandon(call);
      this.fail(call, code, false, text, cause);
      return;
    }
    table.cancel(call);
    table.abandon(call);
    this.fail(call, code, 'maybe', text, cause);
  }

  /** The stream that the call takes has thrown, or has an item that does not fit. */
  failInput(call: OpenCall, sender: InputSender, error: unknown): void {
    if (call.input !== sender) return;
    if (error instanceof CodecError || isChannelError(error)) {
      this.giveUp(call, 'REFUSED', `an item of its input does not fit: ${(error as Error).message}`, error);
      return;
    }
    const table = this.#table;
    if (call.state === 'sent') {
      if (table.withdraw(call)) {
        table.release(call);
      } else {
        table.cancel(call);
        table.abandon(call);
      }
    }
    table.line.delete(call);
    // The program's own error, as it is.
    this.failWith(call, error);
  }

  #end(call: OpenCall, error: unknown): void {
    this.#open--;
    if (call.input !== undefined) this.#table.inputs.delete(call.input);
    if (call.began > 0) this.#tell(call, error);
  }

  #tell({ method, began, link }: OpenCall, error: unknown): void {
    const about = {
      service: this.#service,
      method: method.name,
      duration: (monotonicNow() - began) / NS_PER_MS,
      server: link?.server.name,
      pid: link?.server.pid,
    };
    if (error === undefined) diagnostics.end.publish(about);
    else diagnostics.error.publish({ ...about, error });
  }

  #forget(call: OpenCall): void {
    call.forget();
    if (call.state !== 'abandoned') this.#table.finish(call);
  }
}

function isChannelError(error: unknown): boolean {
  return error instanceof Error && error.name === 'ChannelError';
}
