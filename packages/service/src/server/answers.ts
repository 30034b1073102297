import { callLayout } from '@mmfbus/channel/internal';
import { type Codec, raw } from '@mmfbus/codec';
import { isDeclared } from '../contract/declared-error.js';
import type { OutgoingAnswer } from '../wire/answer.js';
import type { ServerCall } from './server-call.js';

const {
  ANSWER_BUSY,
  ANSWER_END,
  ANSWER_ERROR,
  ANSWER_NO_METHOD,
  ANSWER_REFUSED,
  ANSWER_REMOTE,
  ANSWER_VALUE,
} = callLayout;

const bytesCodec = raw() as Codec<unknown>;
const NO_BYTES = new Uint8Array(0);

/** An answer without contents. */
export function emptyAnswer(kind: number, { cell, id }: { cell: number; id: number }): OutgoingAnswer {
  return { kind, cell, id, text: NO_BYTES, codec: bytesCodec, value: NO_BYTES, cost: 0 };
}

/** Sends the last answers of calls, to those callers that can be answered. */
export class Answers {
  readonly #stacks: boolean;
  /** Used again for each answer, which is encoded when it is sent. */
  readonly #answer: OutgoingAnswer = emptyAnswer(0, { cell: 0, id: 0 });

  /** @param stacks whether callers get the stacks of errors. */
  constructor(stacks: boolean) {
    this.#stacks = stacks;
  }

  /** What the handler gave: a value, or nothing where its method answers nothing. */
  value(call: ServerCall, value: unknown): void {
    const { kind, codec } = call.method.output;
    this.#send(call, kind === 'none' ? ANSWER_END : ANSWER_VALUE, NO_BYTES, codec, value);
  }

  /** The stream of answers has ended. */
  end(call: ServerCall): void {
    this.#send(call, ANSWER_END, NO_BYTES, bytesCodec, NO_BYTES);
  }

  busy(call: ServerCall): void {
    this.#send(call, ANSWER_BUSY, NO_BYTES, bytesCodec, NO_BYTES);
  }

  noMethod(call: ServerCall): void {
    this.#send(call, ANSWER_NO_METHOD, NO_BYTES, bytesCodec, NO_BYTES);
  }

  /** The input, or an item of it, does not fit. */
  refused(call: ServerCall, problem: string): void {
    this.#send(call, ANSWER_REFUSED, NO_BYTES, bytesCodec, Buffer.from(problem));
  }

  /** The handler has thrown that. */
  error(call: ServerCall, error: unknown): void {
    const { service, method, refusal } = call;
    if (refusal !== undefined && error === refusal.error) {
      this.refused(call, refusal.problem);
    } else if (isDeclared(service, method, error)) {
      const codec = method.errors.get(error.code)?.codec ?? bytesCodec;
      this.#send(call, ANSWER_ERROR, Buffer.from(error.code), codec, error.data);
    } else {
      this.#remote(call, error);
    }
  }

  #remote(call: ServerCall, error: unknown): void {
    const isError = error instanceof Error;
    const name = isError ? error.name : typeof error;
    const message = (isError ? error.message : String(error)).replaceAll('\0', '');
    const stack = this.#stacks && isError ? `\0${error.stack ?? ''}` : '';
    this.#send(call, ANSWER_REMOTE, Buffer.from(name), bytesCodec, Buffer.from(`${message}${stack}`));
  }

  /** Where the codec refuses the value, that is the answer. */
  #send(call: ServerCall, kind: number, text: Uint8Array, codec: Codec<unknown>, value: unknown): void {
    const { link } = call;
    if (link?.state !== 'ready') return;
    const answer = this.#answer;
    answer.kind = kind;
    answer.cell = call.cell;
    answer.id = call.id;
    answer.text = text;
    answer.codec = codec;
    answer.value = value;
    try {
      void link.send(answer)?.catch(() => {});
    } catch (error) {
      // What says so always fits.
      if (kind !== ANSWER_REMOTE) this.#remote(call, misfit(error));
    } finally {
      answer.value = NO_BYTES;
    }
  }
}

/** What a handler gave that does not fit its contract, as an error of the handler. */
export function misfit(error: unknown): Error {
  const problem = error instanceof Error ? error.message : String(error);
  return new TypeError(`its answer does not fit: ${problem}`, { cause: error });
}
