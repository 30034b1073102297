import type { Message } from '@mmfbus/channel';
import {
  type ChannelMemory,
  callLayout,
  joinSegment,
  type Participant,
  PHASE_DRAINING,
  PHASE_SERVING,
  Pump,
  type Pumped,
  Receiver,
} from '@mmfbus/channel/internal';
import { randomNonce, timers } from '@mmfbus/core/internal';
import type { Handler } from '../contract/check-handlers.js';
import type { MethodContract, ServiceContract } from '../contract/service-contract.js';
import { ServiceError } from '../foundation/errors.js';
import { atStep } from '../foundation/steps.js';
import { Cells } from '../wire/cells.js';
import { emptyHead, readEnvelope } from '../wire/envelope.js';
import type { Packet } from '../wire/packet.js';
import { ServerSeat } from '../wire/registry.js';
import { inboxDefinition } from '../wire/segments.js';
import { Statistics } from '../wire/statistics.js';
import { Answers } from './answers.js';
import { CallRunner } from './call-runner.js';
import { Callers } from './callers.js';
import { InputStream } from './input-stream.js';
import { ServerCall } from './server-call.js';

const { ENVELOPE_CALL, ENVELOPE_END, ENVELOPE_ITEM, ENVELOPE_ONE_WAY, STREAM_WINDOW } = callLayout;

/** The server's slot in its inbox. */
const OWN_SLOT = 0;
/** Messages that are taken in one turn of the event loop. */
const CALLS_A_TURN = 256;
/** The credit of a stream is raised when so much of the window was taken. */
const CREDIT_STEP: number = STREAM_WINDOW / 4;
/** Part of the ring behind which a subscriber is said to be slow: an inbox is always read. */
const NEVER_SLOW = 1;

/** What a server serves with. */
export interface ServingParts {
  readonly contract: ServiceContract;
  readonly handlers: ReadonlyMap<string, Handler>;
  readonly name: string;
  readonly concurrency: number;
  readonly queue: number;
  readonly streams: number;
  readonly stacks: boolean;
  readonly pollWindow: number;
}

/** One server: its inbox, what it takes out of that, and how it comes and goes. */
export class Serving {
  readonly #contract: ServiceContract;
  readonly #participant: Participant;
  readonly #receiver: Receiver<Packet>;
  readonly #pump: Pump;
  readonly #answers: Answers;
  readonly #runner: CallRunner;
  readonly #callers: Callers;
  #seat!: ServerSeat;
  #isDraining = false;
  /** Whether the last turn has taken a call. */
  #hasTakenCall = false;
  #isOver = false;
  /** Messages of the inbox that are done with. */
  #done = 0;
  readonly #head = emptyHead();
  readonly #deliver = (message: Message<Packet>): boolean => {
    this.#take(message);
    return true;
  };
  /** Told when the inbox cannot be read any more. */
  onLost: (error: unknown) => void = () => {};

  /** With the publisher lock of the inbox held. */
  private constructor(parts: ServingParts, inbox: bigint, participant: Participant, memory: ChannelMemory) {
    const { contract, concurrency, queue, streams, handlers } = parts;
    this.#contract = contract;
    this.#participant = participant;
    participant.table.storePhase(OWN_SLOT, PHASE_SERVING);
    this.#answers = new Answers(parts.stacks);
    this.#runner = new CallRunner({
      handlers: new Map(
        [...contract.methods.values()].map((method) => [method, handlers.get(method.name) as Handler]),
      ),
      answers: this.#answers,
      statistics: new Statistics(memory, contract),
      concurrency,
      queue,
      streams,
      onDone: () => this.#finish(),
    });
    this.#callers = new Callers(contract.name, participant, inbox, parts.name, {
      joined: (call) => this.#admit(call),
      gone: (call, why) => this.#runner.giveUp(call, why),
    });
    this.#receiver = new Receiver(
      inboxDefinition(contract.name, inbox),
      participant,
      { delivery: 'reliable', start: 'latest', slowThreshold: NEVER_SLOW },
      {
        gap: () => {},
        slow: () => {},
        joined: () => {},
        error: (error) => this.#loseInbox(error),
        end: (reason) => this.#loseInbox(new Error(`its inbox is ${reason}`)),
      },
    );
    participant.namesRemoved.add((error) => this.#loseInbox(error));
    this.#pump = new Pump(participant, this.#pumped(), parts.pollWindow, () => this.#turn());
    this.#pump.schedule();
  }

  /** Creates the inbox, and joins the registry. */
  static async open(parts: ServingParts, signal: AbortSignal): Promise<Serving> {
    const inbox = randomNonce();
    const { contract, name } = parts;
    const definition = inboxDefinition(contract.name, inbox, contract.text);
    const serving = await joinSegment(
      definition as never,
      { open: 'create', name, signal },
      (participant, memory) => new Serving(parts, inbox, participant, memory),
    );
    atStep?.('serve: inbox joined');
    try {
      serving.#seat = await ServerSeat.join(contract.name, name, inbox, signal);
    } catch (error) {
      await serving.#leaveInbox();
      throw error;
    }
    atStep?.('serve: registry joined');
    return serving;
  }

  /** Calls that run, or wait for their turn. */
  get outstanding(): number {
    return this.#runner.outstanding;
  }

  ref(): void {
    this.#pump.ref();
  }

  unref(): void {
    this.#pump.unref();
  }

  #pumped(): Pumped {
    const receiver = this.#receiver;
    // Items may gather; calls are waited for.
    const hasOnlyItems = () => !this.#hasTakenCall;
    return {
      get isAsleep() {
        return receiver.isAsleep;
      },
      get hasRoom() {
        return hasOnlyItems() && receiver.hasRoom;
      },
      lookFor: (times) => receiver.lookFor(times),
      wakeUp: () => receiver.wakeUp(),
      recover: () => receiver.recover(),
      fallAsleep: () => {
        const rest = receiver.fallAsleep();
        if (rest !== 'asleep' || !this.#runner.hasNews()) return rest;
        receiver.wakeUp();
        return 'news';
      },
    };
  }

  #turn(): number {
    this.#hasTakenCall = false;
    const taken = this.#receiver.take(this.#deliver, CALLS_A_TURN);
    if (this.#isOver) return 0;
    this.#receiver.ignoreLeft();
    this.#callers.look();
    this.#runner.look();
    return taken;
  }

  /** Takes a message of the inbox. */
  #take({ value: { bytes, start, end }, publisher }: Message<Packet>): void {
    const head = this.#head;
    const kind = readEnvelope(head, bytes, start, end) ? head.kind : undefined;
    switch (kind) {
      case ENVELOPE_CALL:
        this.#hasTakenCall = true;
        this.#takeCall(publisher, bytes, end);
        return;
      case ENVELOPE_ONE_WAY:
        this.#takeOneWay(publisher, bytes, end);
        return;
      case ENVELOPE_ITEM:
      case ENVELOPE_END:
        this.#takeItem(publisher, bytes, start, end);
    }
    this.#finish();
  }

  /** A message is done with. */
  #finish(): void {
    if (!this.#isOver) this.#participant.table.storeDone(OWN_SLOT, ++this.#done);
  }

  #takeCall(publisher: number, bytes: Uint8Array, end: number): void {
    const head = this.#head;
    atStep?.('server: call taken');
    const link = Cells.has(head.cell) ? this.#callers.linkOf(publisher, head) : undefined;
    if (link === undefined || link.state === 'over' || this.#isDraining) {
      // Its caller is gone, or takes it back.
      this.#finish();
      return;
    }
    const method = this.#contract.byHash.get(head.method) ?? UNKNOWN_METHOD;
    const call = new ServerCall(this.#contract.name, method, link, link.caller, head);
    if (method.input.kind === 'stream') {
      call.stream = new InputStream((cost) => this.#giveCredit(call, cost));
      call.input = call.stream;
    } else if (method !== UNKNOWN_METHOD) {
      this.#decode(call, bytes, end);
    }
    if (link.state === 'joining') link.waiting.push(call);
    else this.#admit(call);
  }

  #decode(call: ServerCall, bytes: Uint8Array, end: number): void {
    try {
      call.input = call.method.input.codec.decode(bytes, this.#head.dataStart, end);
    } catch (error) {
      call.refusal = refusalOf(call, error);
    }
  }

  /** A call whose caller can be answered. */
  #admit(call: ServerCall): void {
    if (call.method !== UNKNOWN_METHOD && call.refusal === undefined) {
      this.#runner.admit(call);
      return;
    }
    if (call.refusal === undefined) this.#answers.noMethod(call);
    else this.#answers.refused(call, call.refusal.problem);
    this.#runner.finish(call);
  }

  #takeItem(publisher: number, bytes: Uint8Array, start: number, end: number): void {
    const head = this.#head;
    const link = this.#callers.at(publisher);
    if (link === undefined || !link.hasMailbox(head.mailboxLow, head.mailboxHigh)) return;
    const call = link.calls.get(head.id);
    if (call?.stream === undefined) return;
    if (head.kind === ENVELOPE_END) {
      call.stream.end('done');
      return;
    }
    try {
      call.stream.push(call.method.input.codec.decode(bytes, head.dataStart, end), end - start);
    } catch (error) {
      call.refusal = refusalOf(call, error);
      call.stream.end({ error: call.refusal.error });
    }
  }

  /** The handler has taken items of its input. */
  #giveCredit(call: ServerCall, cost: number): void {
    const { link } = call;
    if (call.isOver || link?.state !== 'ready') return;
    call.taken += cost;
    if (call.taken < CREDIT_STEP) return;
    const { taken } = call;
    call.taken = 0;
    const isAwaited = link.cells.permit(call.cell, 'inputs', taken);
    atStep?.('server: credit raised');
    if (isAwaited) link.ring();
  }

  #takeOneWay(publisher: number, bytes: Uint8Array, end: number): void {
    const head = this.#head;
    const method = this.#contract.byHash.get(head.method);
    if (method?.isOneWay !== true) {
      this.#finish();
      return;
    }
    const { table } = this.#participant;
    const known = this.#callers.at(publisher)?.caller;
    const caller = known ?? { pid: table.addressOf(publisher)?.pid ?? 0, name: table.nameOf(publisher) };
    const call = new ServerCall(this.#contract.name, method, undefined, caller, head);
    this.#decode(call, bytes, end);
    // Its caller is told of nothing.
    if (call.refusal === undefined) this.#runner.admit(call);
    else this.#runner.finish(call);
  }

  #loseInbox(error: unknown): void {
    timers.setImmediate(() => {
      if (!this.#isOver) this.onLost(error);
    });
  }

  /**
   * Takes no more calls, and leaves when those that have started have ended.
   *
   * @param signal cancels them, and leaves without them.
   */
  async drain(signal: AbortSignal): Promise<void> {
    await this.#seat.drain();
    atStep?.('drain: registry says so');
    await this.#closeInbox();
    atStep?.('drain: inbox says so');
    await this.#runner.idle(signal);
    this.#runner.cancelAll('the server closes');
    // What answers to that at once is still sent.
    if (this.#runner.outstanding > 0) await timers.nextTurn();
    atStep?.('drain: handlers ended');
    await this.#callers.settle(signal);
    await this.#leave();
  }

  /** After this no call is committed; what was committed before is taken. */
  async #closeInbox(): Promise<void> {
    const { lock, table, roles } = this.#participant;
    await lock.acquire();
    // SYNC: draining. Stored with the lock held, and the epoch raised: a client that commits later looks at it.
    table.storePhase(OWN_SLOT, PHASE_DRAINING);
    roles.tellOfChange();
    lock.release();
    // INVARIANT: a one-way call runs unless its server dies. All that was committed before the phase was stored is taken.
    const end = this.#receiver.committed();
    this.#isDraining = true;
    while (!this.#isOver && this.#receiver.handled < end) {
      if (this.#receiver.take(this.#deliver, CALLS_A_TURN) === 0) break;
    }
    this.#runner.dropWaiting();
    this.#runner.runWaiting();
  }

  async #leave(): Promise<void> {
    await this.#callers.leave();
    atStep?.('drain: mailboxes left');
    await this.#leaveInbox();
    atStep?.('drain: inbox left');
    await this.#seat.leave();
    atStep?.('drain: registry left');
  }

  async #leaveInbox(): Promise<void> {
    this.#isOver = true;
    this.#runner.stop();
    this.#pump.stop();
    this.#receiver.leave();
    await this.#participant.memory.closed;
  }
}

/** Stands for a method that the contract does not have. */
const UNKNOWN_METHOD = {
  name: '',
  hash: 0,
  isOneWay: false,
  isIdempotent: false,
  input: { kind: 'none' },
  output: { kind: 'none' },
  errors: new Map(),
} as unknown as MethodContract;

function refusalOf({ service, method }: ServerCall, cause: unknown): NonNullable<ServerCall['refusal']> {
  const problem = cause instanceof Error ? cause.message : String(cause);
  const text = `${method.name}: the input does not fit: ${problem}`;
  return { problem, error: new ServiceError('REFUSED', service, text, { started: 'maybe', cause }) };
}
