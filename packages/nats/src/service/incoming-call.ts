import { type CallOptions, DeclaredError, type MethodContract, ServiceError } from '@mmfbus/service';
import type { CallHeader } from '../wire/call-header.js';
import type { CallLink, CallMessage } from './call-link.js';
import { Credit, costOf, ReceivedItems } from './items.js';

/** A client of a service whose values are bytes: a function for each method. */
export type CarryingClient = Readonly<Record<string, (...args: readonly unknown[]) => unknown>>;

/** Parts of it. */
export interface IncomingCallParts {
  readonly link: CallLink;
  readonly id: string;
  /** Where what belongs to the call is sent to; '' for one way. */
  readonly reply: string;
  readonly method: MethodContract;
  readonly client: CarryingClient;
  /** Milliseconds that it has. */
  readonly timeout: number;
}

/** A call of another machine, as a client of the service here makes it. */
export class IncomingCall {
  /** Bytes of input and answers. */
  bytes = 0;
  readonly #parts: IncomingCallParts;
  readonly #giving = new AbortController();
  readonly #credit = new Credit();
  readonly #input: ReceivedItems | undefined;

  constructor(parts: IncomingCallParts) {
    this.#parts = parts;
    if (parts.method.input.kind !== 'stream') return;
    this.#input = new ReceivedItems({
      credit: (bytes) => this.#tell({ kind: 'credit', bytes }),
      left: () => {},
    });
  }

  /** Where what belongs to it is sent to. */
  get reply(): string {
    return this.#parts.reply;
  }

  /** Takes a message that its caller has sent for it. */
  take({ header, payload }: CallMessage): void {
    const input = this.#input;
    switch (header?.kind) {
      case 'cancel':
        this.#end('the caller has given the call up');
        return;
      case 'credit':
        this.#credit.add(header.bytes);
        return;
      case 'item':
        this.bytes += payload.length;
        if (input?.push(payload, header.number) !== true)
          this.giveUp('a part of its input was lost on the way');
        return;
      case 'end':
        if (input?.finish(header.number) !== true) this.giveUp('a part of its input was lost on the way');
    }
  }

  /** It comes to nothing by that, and its caller is told. */
  giveUp(why: string): void {
    this.#tell({ kind: 'failed', code: 'SERVER_DIED', started: 'maybe' }, textBytes(why));
    this.#end(why);
  }

  #end(why: string): void {
    const reason = new Error(why);
    this.#giving.abort(reason);
    this.#input?.fail(reason);
  }

  /**
   * Makes the call, and sends what comes of it.
   *
   * @returns whether it was answered.
   */
  async run(payload: Uint8Array): Promise<boolean> {
    const { method, client, reply, timeout } = this.#parts;
    const { signal } = this.#giving;
    const options: CallOptions = { signal, timeout };
    const input = method.input.kind === 'none' ? [] : [this.#input ?? payload];
    this.bytes += payload.length;
    try {
      const result = client[method.name]?.(...input, options);
      if (method.output.kind === 'stream') await this.#sendItems(result as AsyncIterable<Uint8Array>);
      else {
        const value = (await result) as Uint8Array | undefined;
        if (reply !== '')
          this.#answer(value === undefined ? { kind: 'end', number: 0 } : { kind: 'value' }, value);
      }
      return true;
    } catch (error) {
      if (signal.aborted || reply === '') return false;
      return this.#answerError(error);
    }
  }

  async #sendItems(items: AsyncIterable<Uint8Array>): Promise<void> {
    const { link } = this.#parts;
    let number = 0;
    for await (const item of items) {
      await this.#credit.wait(this.#giving.signal);
      const header = { kind: 'item', number: ++number } as const;
      const problem = link.tooLarge(header, item);
      if (problem !== undefined) throw tooLarge('an item of its answer', problem);
      this.#credit.spend(costOf(item));
      this.bytes += item.length;
      this.#tell(header, item);
    }
    this.#answer({ kind: 'end', number });
  }

  #answer(header: CallHeader, value?: Uint8Array): void {
    const problem = value && this.#parts.link.tooLarge(header, value);
    if (problem !== undefined) throw tooLarge('its answer', problem);
    this.bytes += value?.length ?? 0;
    this.#tell(header, value);
  }

  #answerError(error: unknown): boolean {
    const { link, method } = this.#parts;
    const cause = error instanceof Error ? error.cause : undefined;
    if (error instanceof DeclaredError) {
      const data = error.data as Uint8Array | undefined;
      const header = { kind: 'error', code: error.code } as const;
      const problem = data && link.tooLarge(header, data);
      if (problem === undefined) {
        this.#tell(header, data);
        return true;
      }
      this.#tell({ kind: 'remote', name: 'Error' }, textBytes(`its error is too large: ${problem}`));
    } else if (error instanceof ServiceError && error.code === 'REMOTE' && cause instanceof Error) {
      this.#tell({ kind: 'remote', name: cause.name.slice(0, 256) }, this.#short(cause.message));
      return true;
    } else if (error instanceof ServiceError) {
      // It says the service and the method once more, where the caller is.
      const text = error.message.slice(`${error.service}: `.length).replace(`${method.name}: `, '');
      this.#tell({ kind: 'failed', code: error.code, started: error.started }, this.#short(text));
    } else {
      const text = error instanceof Error ? error.message : String(error);
      this.#tell({ kind: 'failed', code: 'SERVER_DIED', started: 'maybe' }, this.#short(text));
    }
    return false;
  }

  /** A text that fits into a message. */
  #short(text: string): Uint8Array {
    const bytes = textBytes(text);
    return bytes.subarray(0, 65_536);
  }

  #tell(header: CallHeader, payload?: Uint8Array): void {
    const { link, reply } = this.#parts;
    if (reply !== '' && !this.#giving.signal.aborted) link.send(reply, header, payload);
  }
}

function tooLarge(what: string, problem: string): ServiceError {
  return new ServiceError('REFUSED', '', `${what} is too large: ${problem}`, { started: 'maybe' });
}

function textBytes(text: string): Uint8Array {
  return Buffer.from(text);
}
