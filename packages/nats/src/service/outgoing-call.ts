import { monotonicNow } from '@mmfbus/channel';
import { type Context, DeclaredError, type MethodContract } from '@mmfbus/service';
import { PassedOnError } from '@mmfbus/service/internal';
import type { CallHeader } from '../wire/call-header.js';
import type { CallLink, CallMessage } from './call-link.js';
import { Credit, costOf, ReceivedItems } from './items.js';

const NS_PER_MS = 1e6;

/** Parts of it. */
export interface OutgoingCallParts {
  readonly link: CallLink;
  readonly id: string;
  readonly service: string;
  readonly method: MethodContract;
  readonly context: Context;
  /** Bytes of its input, or a stream of such; undefined for none. */
  readonly input: unknown;
  /** It is over, and nothing that comes belongs to it any more. */
  done(wasAnswered: boolean): void;
}

/** A call of this machine on its way to a bridge elsewhere, as the handler of the local server has it. */
export class OutgoingCall {
  /** What the handler gives. */
  readonly result: Promise<Uint8Array | undefined> | AsyncIterableIterator<Uint8Array>;
  /** Where it is sent what belongs to the call, once a bridge has it. */
  control: string | undefined;
  /** How often it was looked at that no bridge has it. */
  looks = 0;
  /** Bytes of input and answers. */
  bytes = 0;
  readonly #parts: OutgoingCallParts;
  readonly #items: ReceivedItems | undefined;
  readonly #credit = new Credit();
  readonly #ending = new AbortController();
  #resolve: (value: Uint8Array | undefined) => void = () => {};
  #reject: (error: Error) => void = () => {};
  readonly #onAbort: () => void;

  constructor(parts: OutgoingCallParts) {
    this.#parts = parts;
    const { method, context } = parts;
    if (method.output.kind === 'stream') {
      this.#items = new ReceivedItems({
        credit: (bytes) => this.#tell({ kind: 'credit', bytes }),
        left: () => this.#giveUp(),
      });
      this.result = this.#items;
    } else {
      this.result = new Promise((resolve, reject) => {
        this.#resolve = resolve;
        this.#reject = reject;
      });
    }
    this.#onAbort = () => this.#giveUp();
    const { signal } = context;
    signal.addEventListener('abort', this.#onAbort, { once: true });
    if (signal.aborted) this.#giveUp();
  }

  get isOver(): boolean {
    return this.#ending.signal.aborted;
  }

  /** Takes a message that a bridge has sent for it. */
  take({ header, reply, payload }: CallMessage): void {
    const { service, method } = this.#parts;
    this.bytes += payload.length;
    switch (header?.kind) {
      case undefined:
        this.fail(new PassedOnError('NO_SERVER', false, 'no server of the service can be reached'));
        return;
      case 'taken':
        if (this.control !== undefined) return;
        this.control = reply;
        if (method.input.kind === 'stream') void this.#sendItems();
        return;
      case 'credit':
        this.#credit.add(header.bytes);
        return;
      case 'value':
        this.#succeed(payload);
        return;
      case 'item':
        if (this.#items?.push(payload, header.number) !== true) this.#failByGap();
        return;
      case 'end':
        if (this.#items === undefined) this.#succeed(undefined);
        else if (this.#items.finish(header.number)) this.#end(true);
        else this.#failByGap();
        return;
      case 'error': {
        const data = method.errors.get(header.code)?.kind === 'none' ? undefined : payload;
        this.fail(new DeclaredError(service, method.name, header.code, data), true);
        return;
      }
      case 'remote':
        this.fail(remoteError(header.name, textOf(payload)), true);
        return;
      case 'failed':
        this.fail(new PassedOnError(header.code, header.started, textOf(payload)));
    }
  }

  /** It comes to nothing by that. */
  fail(error: Error, wasAnswered = false): void {
    if (this.isOver) return;
    this.#end(wasAnswered);
    this.#items?.fail(error);
    this.#reject(error);
  }

  #succeed(value: Uint8Array | undefined): void {
    if (this.isOver) return;
    this.#end(true);
    this.#resolve(value);
  }

  #failByGap(): void {
    this.#tell({ kind: 'cancel' });
    this.fail(new PassedOnError('SERVER_DIED', 'maybe', 'a part of its answer was lost on the way'));
  }

  /** Its answer is of no use any more. */
  #giveUp(): void {
    this.#tell({ kind: 'cancel' });
    // Where its time is over, the caller takes it for that.
    const { signal } = this.#parts.context;
    this.fail(signal.aborted ? signal.reason : new Error('its stream is not read any more'));
  }

  #end(wasAnswered: boolean): void {
    const { context, done } = this.#parts;
    this.#ending.abort(new Error('the call is over'));
    context.signal.removeEventListener('abort', this.#onAbort);
    done(wasAnswered);
  }

  async #sendItems(): Promise<void> {
    const { signal } = this.#ending;
    const { input, link } = this.#parts;
    let number = 0;
    try {
      for await (const item of input as AsyncIterable<Uint8Array>) {
        await this.#credit.wait(signal);
        const header = { kind: 'item', number: ++number } as const;
        const problem = link.tooLarge(header, item);
        if (problem !== undefined) {
          this.#tell({ kind: 'cancel' });
          this.fail(new PassedOnError('REFUSED', 'maybe', `an item of its input is too large: ${problem}`));
          return;
        }
        this.#credit.spend(costOf(item));
        this.bytes += item.length;
        this.#tell(header, item);
      }
      this.#tell({ kind: 'end', number });
    } catch (error) {
      if (this.isOver) return;
      this.#tell({ kind: 'cancel' });
      this.fail(error as Error);
    }
  }

  #tell(header: CallHeader, payload?: Uint8Array): void {
    if (this.control !== undefined && !this.isOver) this.#parts.link.send(this.control, header, payload);
  }
}

/** Milliseconds that a call has left, and when they are over by this machine's clock. */
export function timeOf({ deadline }: Context): {
  readonly time: number | undefined;
  readonly expiry: number;
} {
  if (deadline === Number.POSITIVE_INFINITY) return { time: undefined, expiry: 0 };
  const time = Math.max(0, Math.ceil((deadline - monotonicNow()) / NS_PER_MS));
  return { time, expiry: Date.now() + time };
}

/** An error that a handler elsewhere has thrown. Its stack is not known here. */
function remoteError(name: string, message: string): Error {
  const error = new Error(message);
  error.name = name;
  return error;
}

function textOf(payload: Uint8Array): string {
  return Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString();
}
