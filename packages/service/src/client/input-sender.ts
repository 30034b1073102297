import { callLayout } from '@mmfbus/channel/internal';
import type { MethodContract } from '../contract/service-contract.js';
import type { Streamable } from '../contract/types.js';
import { atStep } from '../foundation/steps.js';
import type { Cells } from '../wire/cells.js';
import type { OutgoingItem } from '../wire/envelope.js';
import type { ServerLink } from './server-link.js';

const { ENVELOPE_END, ENVELOPE_ITEM } = callLayout;

/** Where the items of a stream go: one attempt of its call. */
export interface InputTarget {
  readonly link: ServerLink;
  readonly cells: Cells;
  readonly cell: number;
  readonly id: number;
  readonly mailbox: bigint;
}

/** Sends the items of a stream of inputs, as far as the server permits: the first when the call has started. */
export class InputSender {
  readonly #iterator: AsyncIterator<unknown> | Iterator<unknown>;
  readonly #method: MethodContract;
  readonly #onError: (error: unknown) => void;
  readonly #stopping = new AbortController();
  #target: InputTarget | undefined;
  #sent = 0;
  #wake: (() => void) | undefined;

  /** @param onError is told what the program's stream throws, or what does not fit. */
  constructor(method: MethodContract, source: Streamable<unknown>, onError: (error: unknown) => void) {
    this.#method = method;
    this.#onError = onError;
    this.#iterator =
      Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  }

  /** Sends to that server from here on. Nothing was taken out of the stream before. */
  begin(target: InputTarget): void {
    const isFirst = this.#target === undefined;
    this.#target = target;
    this.#sent = 0;
    if (isFirst) void this.#run();
    else this.look(false);
  }

  /** Goes on where the server has permitted more. */
  look(isAsleep: boolean): boolean {
    if (this.#wake === undefined || this.#target === undefined) return false;
    const { cells, cell } = this.#target;
    if (!cells.hasCredit(cell, 'inputs', this.#sent)) return false;
    if (isAsleep) return true;
    this.#wake();
    return true;
  }

  /** Takes nothing more out of the stream. */
  stop(): void {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort();
    this.#wake?.();
    void Promise.resolve(this.#iterator.return?.()).catch(() => {});
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    try {
      for (;;) {
        await this.#credit();
        if (signal.aborted) return;
        const next = await this.#iterator.next();
        if (signal.aborted) return;
        const { link, cell, id, mailbox } = this.#target as InputTarget;
        const item: OutgoingItem = {
          kind: next.done === true ? ENVELOPE_END : ENVELOPE_ITEM,
          cell,
          method: this.#method.hash,
          id,
          mailbox,
          codec: this.#method.input.codec,
          value: next.value,
          cost: 0,
        };
        await link.sendItem(item, signal);
        atStep?.('call: item sent');
        if (next.done === true) return;
        this.#sent = (this.#sent + item.cost) | 0;
      }
    } catch (error) {
      if (!signal.aborted) this.#onError(error);
    }
  }

  async #credit(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const { cells, cell } = this.#target as InputTarget;
      if (cells.hasCredit(cell, 'inputs', this.#sent)) return;
      cells.awaitCredit(cell, 'inputs');
      // SYNC: credit. Loaded again after the bit was set.
      if (cells.hasCredit(cell, 'inputs', this.#sent)) {
        cells.endWait(cell, 'inputs');
        return;
      }
      atStep?.('call: waits for credit');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }
}
