import type { Message } from '@mmfbus/channel';
import { monotonicNow } from '@mmfbus/channel';
import {
  type ChannelMemory,
  callLayout,
  type Participant,
  PHASE_DRAINING,
  PHASE_SERVING,
  Pump,
  Receiver,
  STATE_PUBLISHER,
} from '@mmfbus/channel/internal';
import { type Codec, raw } from '@mmfbus/codec';
import { randomNonce, timers } from '@mmfbus/core/internal';
import type { Handler } from '../contract/check-handlers.js';
import { isDeclared } from '../contract/declared-error.js';
import type { MethodContract, ServiceContract } from '../contract/service-contract.js';
import { diagnostics } from '../foundation/diagnostics.js';
import { ServiceError } from '../foundation/errors.js';
import { atStep } from '../foundation/steps.js';
import type { OutgoingAnswer } from '../wire/answer.js';
import { Cells } from '../wire/cells.js';
import { emptyHead, joinHalves, readEnvelope } from '../wire/envelope.js';
import type { Packet } from '../wire/packet.js';
import { ServerSeat } from '../wire/registry.js';
import { inboxDefinition, joinSegment } from '../wire/segments.js';
import { type CallOutcome, Statistics } from '../wire/statistics.js';
import { CallerLink } from './caller-link.js';
import { InputStream } from './input-stream.js';
import { ServerCall } from './server-call.js';

const {
  ANSWER_BUSY,
  ANSWER_END,
  ANSWER_ERROR,
  ANSWER_ITEM,
  ANSWER_NO_METHOD,
  ANSWER_REFUSED,
  ANSWER_REMOTE,
  ANSWER_VALUE,
  ENVELOPE_CALL,
  ENVELOPE_END,
  ENVELOPE_ITEM,
  ENVELOPE_ONE_WAY,
  STREAM_WINDOW,
} = callLayout;

const NS_PER_MS = 1e6;
/** The server's slot in its inbox. */
const OWN_SLOT = 0;
/** Messages that are taken in one turn of the event loop. */
const CALLS_A_TURN = 256;
/** Items of a stream that are sent without a turn of the event loop in between. */
const ITEMS_AT_ONCE = 256;
/** The credit of a stream is raised when so much of the window was taken. */
const CREDIT_STEP: number = STREAM_WINDOW / 4;
/** Longest time that a timer takes, milliseconds. */
const LONGEST_TIMER_MS: number = 2 ** 31 - 1;
/** Part of the ring behind which a subscriber is said to be slow: an inbox is always read. */
const NEVER_SLOW = 1;

const bytesCodec = raw() as Codec<unknown>;
const NO_BYTES = new Uint8Array(0);

type Link = CallerLink<ServerCall>;

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

/** The calls of one server: which run, which wait, and what is answered. */
export class Serving {
  readonly #parts: ServingParts;
  readonly #inbox: bigint;
  readonly #participant: Participant;
  readonly #receiver: Receiver<Packet>;
  readonly #statistics: Statistics;
  readonly #pump: Pump;
  #seat!: ServerSeat;
  readonly #callers: (Link | undefined)[] = [];
  #epoch = -1;
  readonly #running = new Set<ServerCall>();
  #streaming = 0;
  /** Calls that wait for their turn: those of methods without, and with a stream. */
  readonly #queue: ServerCall[] = [];
  readonly #streamQueue: ServerCall[] = [];
  #isDraining = false;
  #isOver = false;
  /** Messages of the inbox that are done with. */
  #done = 0;
  readonly #head = emptyHead();
  readonly #closing = new AbortController();
  readonly #leaving: Promise<void>[] = [];
  #timer: NodeJS.Timeout | undefined;
  #timerAt: number = Number.POSITIVE_INFINITY;
  #onIdle: (() => void) | undefined;
  readonly #answer: OutgoingAnswer = {
    kind: 0,
    cell: 0,
    id: 0,
    text: NO_BYTES,
    codec: bytesCodec,
    value: NO_BYTES,
    cost: 0,
  };
  readonly #deliver = (message: Message<Packet>): boolean => {
    this.#take(message);
    return true;
  };
  /** Told when the inbox cannot be read any more. */
  onLost: (error: unknown) => void = () => {};

  /** With the publisher lock of the inbox held. */
  private constructor(parts: ServingParts, inbox: bigint, participant: Participant, memory: ChannelMemory) {
    this.#parts = parts;
    this.#inbox = inbox;
    this.#participant = participant;
    this.#statistics = new Statistics(memory, parts.contract);
    participant.table.storePhase(OWN_SLOT, PHASE_SERVING);
    this.#receiver = new Receiver(
      inboxDefinition(parts.contract.name, inbox),
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
      serving.#isOver = true;
      serving.#pump.stop();
      serving.#receiver.leave();
      await serving.#participant.memory.closed;
      throw error;
    }
    atStep?.('serve: registry joined');
    return serving;
  }

  get outstanding(): number {
    return this.#running.size + this.#queue.length + this.#streamQueue.length;
  }

  ref(): void {
    this.#pump.ref();
  }

  unref(): void {
    this.#pump.unref();
  }

  #pumped() {
    const receiver = this.#receiver;
    return {
      get isAsleep() {
        return receiver.isAsleep;
      },
      get hasRoom() {
        return receiver.hasRoom;
      },
      lookFor: (times: number) => receiver.lookFor(times),
      wakeUp: () => receiver.wakeUp(),
      recover: () => receiver.recover(),
      fallAsleep: () => {
        const rest = receiver.fallAsleep();
        if (rest !== 'asleep' || !this.#hasNews()) return rest;
        receiver.wakeUp();
        return 'news' as const;
      },
    };
  }

  /** Whether a running call was given up, or has credit, looked at as a sleeper. */
  #hasNews(): boolean {
    for (const call of this.#running) {
      const { link } = call;
      if (link?.state !== 'ready' || call.isCancelled) continue;
      if (!link.cells.isRunningNow(call.cell, call.id)) return true;
      if (call.wake !== undefined && link.cells.hasCredit(call.cell, 'answers', call.sent)) return true;
    }
    return false;
  }

  #turn(): number {
    const taken = this.#receiver.take(this.#deliver, CALLS_A_TURN);
    if (this.#isOver) return 0;
    this.#lookAtCallers();
    this.#lookAtRunning();
    return taken;
  }

  #lookAtRunning(): void {
    for (const call of this.#running) {
      const { link } = call;
      if (link?.state !== 'ready') continue;
      if (!call.isCancelled && !link.cells.isRunning(call.cell, call.id)) call.cancel();
      if (call.wake !== undefined && link.cells.hasCredit(call.cell, 'answers', call.sent)) call.wake();
    }
  }

  /** Clients that have left or died. */
  #lookAtCallers(): void {
    const { roles, table } = this.#participant;
    const epoch = roles.epoch();
    if (epoch === this.#epoch) return;
    this.#receiver.takeLeft();
    this.#receiver.takeGone();
    this.#epoch = epoch;
    for (const [slot, link] of this.#callers.entries()) {
      if (link === undefined) continue;
      const { generation } = link.caller;
      if (table.stateOf(slot) === STATE_PUBLISHER && table.generationOf(slot) === generation) continue;
      this.#callers[slot] = undefined;
      this.#forgetCaller(link, 'the caller is gone');
    }
  }

  #forgetCaller(link: Link, why: string): void {
    const reason = new ServiceError('CANCELLED', this.#parts.contract.name, why, { started: 'maybe' });
    this.#leaving.push(link.leave());
    for (const call of [...link.calls.values(), ...link.waiting]) {
      if (call.isStarted) call.cancel(reason);
      else this.#drop(call);
    }
    link.waiting = [];
  }

  /** Takes a message of the inbox. */
  #take({ value: packet, publisher }: Message<Packet>): void {
    const { bytes, start, end } = packet;
    const head = this.#head;
    if (!readEnvelope(head, bytes, start, end)) {
      this.#finish();
      return;
    }
    switch (head.kind) {
      case ENVELOPE_CALL:
        this.#takeCall(publisher, bytes, end);
        return;
      case ENVELOPE_ONE_WAY:
        this.#takeOneWay(publisher, bytes, end);
        return;
      case ENVELOPE_ITEM:
      case ENVELOPE_END:
        this.#takeItem(publisher, packet);
        this.#finish();
        return;
      default:
        this.#finish();
    }
  }

  /** A message is done with. */
  #finish(): void {
    this.#participant.table.storeDone(OWN_SLOT, ++this.#done);
  }

  #takeCall(publisher: number, bytes: Uint8Array, end: number): void {
    const head = this.#head;
    if (!Cells.has(head.cell)) {
      this.#finish();
      return;
    }
    atStep?.('server: call taken');
    const link = this.#linkOf(publisher);
    if (link === undefined || link.state === 'over' || this.#isDraining) {
      // Its caller takes it back, because of the refusal or the draining.
      this.#finish();
      return;
    }
    const method = this.#parts.contract.byHash.get(head.method);
    let input: unknown;
    let problem: string | undefined;
    if (method !== undefined && method.input.kind !== 'stream') {
      try {
        input = method.input.codec.decode(bytes, head.dataStart, end);
      } catch (error) {
        problem = error instanceof Error ? error.message : String(error);
      }
    }
    const { caller } = link;
    const call = new ServerCall(
      this.#parts.contract.name,
      method ?? UNKNOWN_METHOD,
      link,
      caller,
      head,
      problem ?? input,
    );
    call.isRefused = problem !== undefined;
    if (method?.input.kind === 'stream') {
      const stream = new InputStream((cost) => this.#giveCredit(call, cost));
      call.stream = stream;
      call.input = stream;
    }
    if (link.state === 'joining') link.waiting.push(call);
    else this.#admit(call);
  }

  /** A call whose caller can be answered. */
  #admit(call: ServerCall): void {
    const link = call.link as Link;
    if (call.method === UNKNOWN_METHOD) {
      this.#reply(call, ANSWER_NO_METHOD);
      this.#finishUnstarted(call);
      return;
    }
    if (call.isRefused) {
      this.#reply(call, ANSWER_REFUSED, '', Buffer.from(call.input as string));
      this.#finishUnstarted(call);
      return;
    }
    if (this.#hasPermit(call)) {
      this.#start(call);
      return;
    }
    const queue = this.#queueOf(call);
    if (queue.length >= this.#parts.queue) this.#dropWithdrawn(queue);
    if (queue.length >= this.#parts.queue || link.isSlow) {
      this.#reply(call, ANSWER_BUSY);
      this.#finishUnstarted(call);
      return;
    }
    link.calls.set(call.id, call);
    queue.push(call);
    this.#watchDeadline(call);
  }

  #hasPermit(call: ServerCall): boolean {
    if (call.link?.isSlow === true) return false;
    if (isStreaming(call)) return this.#streaming < this.#parts.streams;
    return this.#running.size - this.#streaming < this.#parts.concurrency;
  }

  #queueOf(call: ServerCall): ServerCall[] {
    return isStreaming(call) ? this.#streamQueue : this.#queue;
  }

  #dropWithdrawn(queue: ServerCall[]): void {
    for (const call of queue.splice(0)) {
      const { link } = call;
      if (link === undefined || link.cells.isWaiting(call.cell, call.id)) queue.push(call);
      else this.#drop(call);
    }
  }

  /** A call that never runs, and is not answered. */
  #drop(call: ServerCall): void {
    this.#unqueue(call);
    this.#finishUnstarted(call);
  }

  #unqueue(call: ServerCall): void {
    const queue = this.#queueOf(call);
    const index = queue.indexOf(call);
    if (index >= 0) queue.splice(index, 1);
  }

  #finishUnstarted(call: ServerCall): void {
    if (call.isOver) return;
    call.isOver = true;
    call.link?.calls.delete(call.id);
    this.#finish();
    if (this.outstanding === 0) this.#onIdle?.();
  }

  /** Runs calls whose turn has come. */
  #runQueued(): void {
    for (const queue of [this.#queue, this.#streamQueue]) {
      while (queue.length > 0 && this.#hasPermit(queue[0] as ServerCall))
        this.#start(queue.shift() as ServerCall);
    }
    if (this.outstanding === 0) this.#onIdle?.();
  }

  /** Runs the handler, if the caller still waits. */
  #start(call: ServerCall): void {
    const { link, method } = call;
    const now = monotonicNow();
    const isTooLate = call.deadline <= now;
    if (link !== undefined && (isTooLate || this.#isOver || !link.cells.start(call.cell, call.id))) {
      this.#finishUnstarted(call);
      return;
    }
    atStep?.('server: started');
    call.isStarted = true;
    call.began = now;
    call.number = this.#statistics.started(method.hash, call.caller.pid, now);
    if (call.stream !== undefined && link !== undefined) {
      link.calls.set(call.id, call);
      if (link.cells.permit(call.cell, 'inputs', STREAM_WINDOW)) link.ring();
      atStep?.('server: credit raised');
    }
    const handler = this.#parts.handlers.get(method.name) as Handler;
    let result: unknown;
    try {
      result = handler(call.input, call);
    } catch (error) {
      this.#endWithError(call, error);
      return;
    }
    if (method.output.kind !== 'stream' && !isThenable(result)) {
      this.#endWithValue(call, result);
      return;
    }
    this.#running.add(call);
    if (isStreaming(call)) this.#streaming++;
    link?.calls.set(call.id, call);
    this.#watchDeadline(call);
    void this.#await(call, result);
  }

  async #await(call: ServerCall, result: unknown): Promise<void> {
    let value: unknown;
    try {
      value = await result;
      if (call.method.output.kind === 'stream') await this.#sendStream(call, value);
    } catch (error) {
      this.#stopRunning(call);
      this.#endWithError(call, error);
      this.#runQueued();
      return;
    }
    this.#stopRunning(call);
    if (call.method.output.kind === 'stream')
      this.#end(call, 'answered', () => this.#reply(call, ANSWER_END));
    else this.#endWithValue(call, value);
    this.#runQueued();
  }

  #stopRunning(call: ServerCall): void {
    if (!this.#running.delete(call)) return;
    if (isStreaming(call)) this.#streaming--;
  }

  #endWithValue(call: ServerCall, value: unknown): void {
    const { output } = call.method;
    this.#end(call, 'answered', () => this.#replyWith(call, ANSWER_VALUE, NO_BYTES, output.codec, value));
  }

  #endWithError(call: ServerCall, error: unknown): void {
    const { method, service } = call;
    this.#end(call, 'failed', () => {
      if (isDeclared(service, method, error)) {
        const part = method.errors.get(error.code);
        this.#replyWith(call, ANSWER_ERROR, Buffer.from(error.code), part?.codec ?? bytesCodec, error.data);
      } else {
        this.#replyRemote(call, error);
      }
    });
  }

  /** The handler has ended: raises `done`, then answers. */
  #end(call: ServerCall, outcome: CallOutcome, reply: () => void): void {
    atStep?.('server: handler ended');
    const now = monotonicNow();
    const how = call.cancelled ? 'cancelled' : outcome;
    call.isOver = true;
    call.stream?.end('done');
    call.link?.calls.delete(call.id);
    this.#statistics.ended(call.method.hash, call.number, call.began, now, how);
    if (diagnostics.handled.hasSubscribers) {
      const { service, method, caller, began } = call;
      const duration = (now - began) / NS_PER_MS;
      diagnostics.handled.publish({
        service,
        method: method.name,
        duration,
        outcome: how,
        caller: caller.pid,
      });
    }
    if (this.#isOver) return;
    this.#finish();
    atStep?.('server: done raised');
    if (call.link?.state === 'ready') reply();
    atStep?.('server: answered');
  }

  #replyRemote(call: ServerCall, error: unknown): void {
    const isError = error instanceof Error;
    const name = isError ? error.name : typeof error;
    const message = isError ? error.message : String(error);
    const stack = this.#parts.stacks && isError ? `\0${error.stack ?? ''}` : '';
    this.#reply(call, ANSWER_REMOTE, name, Buffer.from(`${message.replaceAll('\0', '')}${stack}`));
  }

  #reply(call: ServerCall, kind: number, text = '', data: Uint8Array = NO_BYTES): void {
    this.#replyWith(call, kind, text === '' ? NO_BYTES : Buffer.from(text), bytesCodec, data);
  }

  /** Sends the last answer of a call; where the codec refuses the value, that is the answer. */
  #replyWith(call: ServerCall, kind: number, text: Uint8Array, codec: Codec<unknown>, value: unknown): void {
    const link = call.link as Link;
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
      if (kind === ANSWER_REMOTE) return;
      this.#replyRemote(call, misfit(error));
    } finally {
      answer.value = NO_BYTES;
    }
  }

  async #sendStream(call: ServerCall, result: unknown): Promise<void> {
    const link = call.link as Link;
    const { codec } = call.method.output;
    const iterator = iteratorOf(result);
    const answer: OutgoingAnswer = {
      kind: ANSWER_ITEM,
      cell: call.cell,
      id: call.id,
      text: NO_BYTES,
      codec,
      value: undefined,
      cost: 0,
    };
    let atOnce = 0;
    let isDone = false;
    // A generator that waits for something else learns of it by its signal; it ends at its next `yield`.
    try {
      for (;;) {
        await this.#credit(call, link);
        if (call.isCancelled) return;
        const next = await iterator.next();
        if (next.done === true) {
          isDone = true;
          return;
        }
        if (call.isCancelled || link.state !== 'ready') return;
        answer.value = next.value;
        let parked: Promise<number> | undefined;
        try {
          parked = link.send(answer);
        } catch (error) {
          throw misfit(error);
        }
        call.sent = (call.sent + answer.cost) | 0;
        atStep?.('server: item sent');
        if (parked !== undefined) await parked;
        else if (++atOnce % ITEMS_AT_ONCE === 0) await timers.nextTurn();
      }
    } finally {
      if (!isDone) await iterator.return?.();
    }
  }

  async #credit(call: ServerCall, link: Link): Promise<void> {
    while (!call.isCancelled && link.state === 'ready') {
      const { cells } = link;
      if (cells.hasCredit(call.cell, 'answers', call.sent)) return;
      cells.awaitCredit(call.cell, 'answers');
      // SYNC: credit. Loaded again after the bit was set.
      if (cells.hasCredit(call.cell, 'answers', call.sent)) return;
      await new Promise<void>((resolve) => {
        call.wake = resolve;
      });
      call.wake = undefined;
    }
  }

  #takeItem(publisher: number, { bytes, start, end }: Packet): void {
    const head = this.#head;
    const link = this.#callers[publisher];
    if (link === undefined || !link.hasMailbox(head.mailboxLow, head.mailboxHigh)) return;
    const call = link.calls.get(head.id);
    const stream = call?.stream;
    if (call === undefined || stream === undefined) return;
    if (head.kind === ENVELOPE_END) {
      stream.end('done');
      return;
    }
    try {
      stream.push(call.method.input.codec.decode(bytes, head.dataStart, end), end - start);
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      stream.end({
        error: new ServiceError('REFUSED', call.service, `an item does not fit: ${problem}`, {
          started: 'maybe',
        }),
      });
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
    const method = this.#parts.contract.byHash.get(head.method);
    if (method === undefined || !method.isOneWay) {
      this.#finish();
      return;
    }
    let input: unknown;
    try {
      input = method.input.codec.decode(bytes, head.dataStart, end);
    } catch {
      // Its caller is not told of anything.
      this.#finish();
      return;
    }
    const { table } = this.#participant;
    const known = this.#callers[publisher]?.caller;
    const caller = known ?? { pid: table.addressOf(publisher)?.pid ?? 0, name: table.nameOf(publisher) };
    const call = new ServerCall(this.#parts.contract.name, method, undefined, caller, head, input);
    if (this.#hasPermit(call)) this.#start(call);
    else this.#queue.push(call);
  }

  /** The client that has published the message; undefined where it is gone. */
  #linkOf(slot: number): Link | undefined {
    const head = this.#head;
    const known = this.#callers[slot];
    if (known?.hasMailbox(head.mailboxLow, head.mailboxHigh) === true) return known;
    if (known !== undefined) this.#forgetCaller(known, 'the caller has another mailbox');
    this.#callers[slot] = undefined;
    const { table } = this.#participant;
    const generation = table.generationOf(slot);
    const address = table.addressOf(slot);
    if (address === undefined || table.stateOf(slot) !== STATE_PUBLISHER) return undefined;
    const { pid, nonce } = address;
    const { mailboxLow, mailboxHigh, incarnationLow, incarnationHigh } = head;
    // The client that has sent this has left, and its slot has another one.
    if (table.detailOf(slot) !== joinHalves(mailboxLow, mailboxHigh)) return undefined;
    const mailbox = { mailboxLow, mailboxHigh, incarnationLow, incarnationHigh };
    const link = new CallerLink<ServerCall>({
      slot,
      generation,
      pid,
      name: table.nameOf(slot),
      nonce,
      ...mailbox,
    });
    this.#callers[slot] = link;
    void this.#join(link);
    return link;
  }

  async #join(link: Link): Promise<void> {
    const { contract, name } = this.#parts;
    try {
      await link.join(contract.name, this.#inbox, name, this.#closing.signal);
    } catch {
      if (!this.#isOver) this.#refuse(link);
      return;
    }
    const isOver = link.state === 'over' || this.#isOver;
    link.state = 'ready';
    if (isOver) {
      await link.leave();
      return;
    }
    for (const call of link.waiting.splice(0)) this.#admit(call);
  }

  /** This server cannot answer that client. */
  #refuse(link: Link): void {
    const { slot, generation } = link.caller;
    const { words, geometry } = this.#participant.memory;
    if (this.#callers[slot] === link) this.#callers[slot] = undefined;
    this.#forgetCaller(link, 'the caller cannot be answered');
    // SYNC: refused. Stored before the bell is rung.
    Atomics.store(words, (geometry.regionOffset >> 2) + slot, generation);
    this.#participant.ringAnyway(slot);
    atStep?.('server: refused');
  }

  #watchDeadline({ deadline }: ServerCall): void {
    if (deadline >= this.#timerAt) return;
    timers.clearTimeout(this.#timer);
    this.#timerAt = deadline;
    const pause = Math.min(LONGEST_TIMER_MS, Math.max(0, Math.ceil((deadline - monotonicNow()) / NS_PER_MS)));
    this.#timer = timers.setTimeout(() => this.#onTimer(), pause);
    this.#timer.unref();
  }

  #onTimer(): void {
    this.#timerAt = Number.POSITIVE_INFINITY;
    const now = monotonicNow();
    for (const call of [...this.#queue, ...this.#streamQueue]) {
      if (call.deadline <= now) this.#drop(call);
      else this.#watchDeadline(call);
    }
    for (const call of this.#running) {
      if (call.isCancelled) continue;
      if (call.deadline > now) this.#watchDeadline(call);
      else
        call.cancel(
          new ServiceError('TIMEOUT', call.service, `${call.method.name}: its time is over`, {
            started: 'maybe',
          }),
        );
    }
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
    if (!this.#isDraining) {
      await this.#seat.drain();
      atStep?.('drain: registry says so');
      await this.#closeInbox();
      atStep?.('drain: inbox says so');
    }
    await this.#settleCalls(signal);
    atStep?.('drain: handlers ended');
    await this.#leave();
  }

  /** After this no call is committed; what was committed before is taken. */
  async #closeInbox(): Promise<void> {
    const { lock, table } = this.#participant;
    await lock.acquire();
    // SYNC: draining. Stored with the lock held: a call that is committed later does not see it serving.
    table.storePhase(OWN_SLOT, PHASE_DRAINING);
    lock.release();
    const end = this.#receiver.committed();
    this.#isDraining = true;
    while (!this.#isOver && this.#receiver.handled < end) {
      if (this.#receiver.take(this.#deliver, CALLS_A_TURN) === 0) break;
    }
    // Their callers withdraw them, and send them to other servers.
    for (const queue of [this.#queue, this.#streamQueue]) {
      for (const call of queue.splice(0)) {
        if (call.link === undefined) queue.push(call);
        else this.#drop(call);
      }
    }
    this.#runQueued();
  }

  async #settleCalls(signal: AbortSignal): Promise<void> {
    const isIdle = new Promise<void>((resolve) => {
      this.#onIdle = resolve;
      signal.addEventListener('abort', () => resolve(), { once: true });
      if (this.outstanding === 0 || signal.aborted) resolve();
    });
    await isIdle;
    const { name } = this.#parts.contract;
    for (const call of this.#running) {
      call.cancel(new ServiceError('CANCELLED', name, 'the server closes', { started: 'maybe' }));
    }
    // What answers to a cancelled call at once is still sent.
    if (this.#running.size > 0) await timers.nextTurn();
    for (const link of this.#callers) await link?.settle(signal).catch(() => {});
  }

  async #leave(): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#closing.abort();
    this.#pump.stop();
    timers.clearTimeout(this.#timer);
    await Promise.all([...this.#leaving, ...this.#callers.map((link) => link?.leave())]);
    atStep?.('drain: mailboxes left');
    this.#receiver.leave();
    await this.#participant.memory.closed;
    atStep?.('drain: inbox left');
    await this.#seat.leave();
    atStep?.('drain: registry left');
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

function isStreaming({ method }: ServerCall): boolean {
  return method.output.kind === 'stream' || method.input.kind === 'stream';
}

function isThenable(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  );
}

function iteratorOf(value: unknown): AsyncIterator<unknown> | Iterator<unknown> {
  const source = Object(value) as Partial<AsyncIterable<unknown> & Iterable<unknown>>;
  const iterator = source[Symbol.asyncIterator]?.() ?? source[Symbol.iterator]?.();
  if (iterator === undefined) throw new TypeError('the handler of a stream must return an iterable');
  return iterator;
}

/** What a handler gave that does not fit its contract, as an error of the handler. */
function misfit(error: unknown): Error {
  const problem = error instanceof Error ? error.message : String(error);
  return new TypeError(`its answer does not fit: ${problem}`, { cause: error });
}
