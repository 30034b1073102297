import type { Message } from '@mmfbus/channel';
import { monotonicNow } from '@mmfbus/channel';
import { callLayout } from '@mmfbus/channel/internal';
import { ServiceError } from '../foundation/errors.js';
import { atStep } from '../foundation/steps.js';
import { type AnswerHead, readAnswer } from '../wire/answer.js';
import type { Packet } from '../wire/packet.js';
import { decodeValue, errorOfAnswer } from './answer-error.js';
import type { CallOutcomes } from './call-outcomes.js';
import type { CallRouting } from './call-routing.js';
import type { CallTable } from './call-table.js';
import type { OpenCall } from './open-call.js';

const { ANSWER_BUSY, ANSWER_END, ANSWER_ITEM, ANSWER_NO_METHOD, ANSWER_VALUE } = callLayout;

/** Gives the answers that come into a client's mailbox to the calls that they belong to. */
export class AnswerReader {
  /** Answers that belonged to no open call. */
  dropped = 0;
  /** Whether the last answer of a call was taken since this was set to false. */
  hasTakenLast = false;
  /** Takes one answer; always goes on. */
  readonly deliver = (message: Message<Packet>): boolean => this.#take(message);
  readonly #service: string;
  readonly #table: CallTable;
  readonly #outcomes: CallOutcomes;
  readonly #routing: CallRouting;
  readonly #head: AnswerHead = { kind: 0, cell: 0, id: 0, textStart: 0, textEnd: 0, dataStart: 0 };

  constructor(service: string, table: CallTable, outcomes: CallOutcomes, routing: CallRouting) {
    this.#service = service;
    this.#table = table;
    this.#outcomes = outcomes;
    this.#routing = routing;
  }

  #take({ value: packet, publisher }: Message<Packet>): boolean {
    const { bytes, start, end } = packet;
    const head = this.#head;
    if (!readAnswer(head, bytes, start, end)) {
      this.dropped++;
      return true;
    }
    const call = this.#table.at(head.cell);
    // INVARIANT: no answer is given to another call. It has the id of this call, and comes from the server that has the call.
    if (
      call === undefined ||
      call.id !== head.id ||
      call.link === undefined ||
      !this.#table.mailbox.isFrom(publisher, call.link.server.inbox)
    ) {
      this.dropped++;
      return true;
    }
    call.link.hasAnswered = true;
    atStep?.('call: answer read');
    if (head.kind === ANSWER_ITEM) {
      this.#takeItem(call, packet);
      return true;
    }
    this.hasTakenLast = true;
    if (call.state === 'abandoned') this.#table.finish(call);
    else this.#takeLast(call, packet);
    return true;
  }

  #takeItem(call: OpenCall, { bytes, start, end }: Packet): void {
    const { stream, method } = call;
    if (stream === undefined || call.state !== 'sent') return;
    try {
      stream.push(method.output.codec.decode(bytes, this.#head.dataStart, end), end - start);
    } catch (error) {
      this.#outcomes.giveUp(call, 'REFUSED', 'an item of its answer cannot be read', error);
    }
  }

  #takeLast(call: OpenCall, { bytes, end }: Packet): void {
    const head = this.#head;
    const { method } = call;
    const givesValue = method.output.kind === 'value';
    if (head.kind === ANSWER_VALUE && givesValue) {
      const decoded = decodeValue(this.#service, method, bytes, head.dataStart, end);
      if (decoded instanceof ServiceError) this.#outcomes.failWith(call, decoded);
      else this.#outcomes.succeed(call, decoded.value);
    } else if (head.kind === ANSWER_END && !givesValue) {
      this.#outcomes.succeed(call, undefined);
    } else if (head.kind === ANSWER_BUSY || head.kind === ANSWER_NO_METHOD) {
      this.#takeAvoidance(call, head.kind === ANSWER_BUSY ? 'BUSY' : 'NO_METHOD');
    } else {
      this.#takeError(call, bytes, end);
    }
  }

  #takeAvoidance(call: OpenCall, avoidance: 'BUSY' | 'NO_METHOD'): void {
    if (this.#table.withdraw(call)) this.#routing.avoid(call, avoidance);
    else this.#outcomes.fail(call, avoidance, 'maybe', 'the server says so after it has started the call');
  }

  #takeError(call: OpenCall, bytes: Uint8Array, end: number): void {
    const isWithdrawn = this.#table.withdraw(call);
    const started = isWithdrawn && !call.mayHaveStarted ? false : 'maybe';
    const before = call.mayHaveStarted;
    const error = errorOfAnswer(this.#service, call.method, this.#head, bytes, end, started, before);
    // A handler that is cancelled at the deadline mostly fails by that, which may be heard of before the timer of this call.
    const isLate = monotonicNow() >= call.deadline;
    if (isLate && error instanceof ServiceError && error.code === 'REMOTE')
      this.#outcomes.fail(call, 'TIMEOUT', started, call.describeTimeout(), error);
    else this.#outcomes.failWith(call, error);
  }
}
