import type { Message } from '@mmfbus/channel';
import { monotonicNow } from '@mmfbus/channel';
import { callLayout, Pump, type Pumped } from '@mmfbus/channel/internal';
import { CodecError } from '@mmfbus/codec';
import { timers } from '@mmfbus/core/internal';
import type { MethodContract, ServiceContract } from '../contract/service-contract.js';
import type { CallOptions, Streamable } from '../contract/types.js';
import { diagnostics } from '../foundation/diagnostics.js';
import { EarliestTimer } from '../foundation/earliest-timer.js';
import { ServiceError, type ServiceErrorCode } from '../foundation/errors.js';
import { atStep } from '../foundation/steps.js';
import { type AnswerHead, readAnswer } from '../wire/answer.js';
import { sweepLeftovers } from '../wire/leftovers.js';
import type { Packet } from '../wire/packet.js';
import type { ClientSeat } from '../wire/registry.js';
import { decodeValue, errorOfAnswer } from './answer-error.js';
import { ReceivedStream } from './answer-stream.js';
import { CallTable } from './call-table.js';
import { InputSender } from './input-sender.js';
import { Mailbox } from './mailbox.js';
import type { OpenCall } from './open-call.js';
import type { ServerLink } from './server-link.js';
import { ServerLinks } from './server-links.js';

const {
  ANSWER_BUSY,
  ANSWER_END,
  ANSWER_ITEM,
  ANSWER_NO_METHOD,
  ANSWER_VALUE,
  ENVELOPE_CALL,
  ENVELOPE_ONE_WAY,
  STREAM_WINDOW,
} = callLayout;

/** A call outlives the death of so many servers. */
const MOST_DEATHS = 2;
const NS_PER_MS = 1e6;
/** Default of `timeout`, milliseconds. */
const DEFAULT_TIMEOUT = 30_000;
/** Most bytes of a call, which inboxes carry by default. */
const MAX_MESSAGE: number = 64 * 2 ** 20;
/** The credit of a stream is raised when so much of the window was taken. */
const CREDIT_STEP: number = STREAM_WINDOW / 4;
/** Messages that are read in one turn of the event loop. */
const ANSWERS_A_TURN = 256;
/** Milliseconds between two looks for the refusal of a server that has not answered yet: one without descriptors may be unable to ring. */
const REFUSAL_LOOK_MS = 200;
/** Before a call is tried again for which an inbox was locked by a living process, milliseconds. */
const LOCKED_PAUSE_MS = 5;

/** What a client's calls are made with. */
export interface CallsParts {
  readonly contract: ServiceContract;
  readonly name: string;
  readonly seat: ClientSeat;
  /** Milliseconds that a call waits for a server to come. */
  readonly waitForServer: number;
  /** Default of each call's `timeout`, milliseconds. */
  readonly timeout: number | undefined;
  /** Milliseconds after which a call that its server has not started goes to another one; undefined for never. */
  readonly moveAfter: number | undefined;
  /** Milliseconds for which an idle client looks again and again before it sleeps. */
  readonly pollWindow: number;
  /** Which servers may be called, by their names. */
  readonly accepts: (server: string) => boolean;
}

type Placement = 'sent' | 'full' | 'waits' | ServiceError;

/** The calls of one client: where each goes, what comes back, and what becomes of it when its server does not answer. */
export class Calls {
  readonly #parts: CallsParts;
  readonly #contract: ServiceContract;
  readonly #seat: ClientSeat;
  readonly #links: ServerLinks;
  #mailbox!: Mailbox;
  #pump!: Pump;
  /** A mailbox that was lost is being replaced. */
  #isReplacing = false;
  readonly #table = new CallTable();
  readonly #line = new Set<OpenCall>();
  readonly #inputs = new Set<InputSender>();
  #isServing = false;
  /** Calls whose program waits for them. */
  #open = 0;
  #keepsAlive = false;
  readonly #timer = new EarliestTimer((now) => this.#onTimer(now));
  #lockTimer: NodeJS.Timeout | undefined;
  #closed = false;
  readonly #closing = new AbortController();
  readonly #head: AnswerHead = { kind: 0, cell: 0, id: 0, textStart: 0, textEnd: 0, dataStart: 0 };
  readonly #deliver = (message: Message<Packet>): boolean => this.#take(message);
  /** Whether the last turn has taken the last answer of a call. */
  #hasTakenLast = false;
  /** Answers that belonged to no open call. */
  dropped = 0;

  private constructor(parts: CallsParts) {
    this.#parts = parts;
    this.#contract = parts.contract;
    this.#seat = parts.seat;
    const mailbox = () => this.#mailbox.id;
    this.#links = new ServerLinks({ ...parts, mailbox }, this.#closing.signal, () => this.#afterLinks());
    parts.seat.participant.lifeEnded.add(() => sweepLeftovers(parts.contract.name));
  }

  /** Joins what a client needs: its mailbox, and the inboxes of the servers that there are. */
  static async open(parts: CallsParts, signal: AbortSignal): Promise<Calls> {
    const calls = new Calls(parts);
    try {
      await calls.#openMailbox(signal);
      parts.seat.hasChanged();
      await calls.#links.update();
    } catch (error) {
      await calls.close();
      throw error;
    }
    return calls;
  }

  async #openMailbox(signal: AbortSignal): Promise<void> {
    const { contract, name, pollWindow } = this.#parts;
    const mailbox = await Mailbox.create(contract.name, name, signal, () => this.#loseMailbox(mailbox));
    this.#mailbox = mailbox;
    this.#pump = new Pump(mailbox.participant, this.#pumped(mailbox), pollWindow, () => this.#turn());
    this.#seat.onDeath = () => this.#pump.schedule();
    if (!this.#keepsAlive) this.#pump.unref();
    this.#pump.schedule();
  }

  /** The servers that can be called now. */
  get links(): readonly ServerLink[] {
    return this.#links.serving;
  }

  get openCalls(): number {
    return this.#open;
  }

  /**
   * Makes a call.
   *
   * @param only the one server that it may go to. Defaults to any.
   * @returns what the program gets: a promise, or a stream.
   */
  call(method: MethodContract, input: unknown, options: CallOptions | undefined, only?: ServerLink): unknown {
    const call = this.#table.create();
    call.method = method;
    call.only = only;
    if (method.output.kind !== 'stream') {
      return new Promise((resolve, reject) => {
        call.resolve = resolve;
        call.reject = reject;
        this.#begin(call, input, options);
      });
    }
    const stream = new ReceivedStream<unknown>({
      taken: (bytes) => this.#giveCredit(call, stream, bytes),
      giveUp: () => {
        if (call.stream === stream) this.#giveUp(call, 'CANCELLED', 'its stream is not read any more');
      },
    });
    call.stream = stream;
    call.resolve = () => stream.end();
    call.reject = (error) => stream.fail(error);
    this.#begin(call, input, options);
    return stream;
  }

  #begin(call: OpenCall, input: unknown, options: CallOptions | undefined): void {
    const { method } = call;
    this.#open++;
    const now = monotonicNow();
    call.isIdempotent = method.isIdempotent;
    if (
      diagnostics.start.hasSubscribers ||
      diagnostics.end.hasSubscribers ||
      diagnostics.error.hasSubscribers
    ) {
      call.began = now;
      diagnostics.start.publish({ service: this.#contract.name, method: method.name });
    }
    if (this.#closed) {
      this.#fail(call, 'CLOSED', false, 'the client is closed');
      return;
    }
    const within = options?.within;
    const timeout = options?.timeout ?? this.#parts.timeout ?? DEFAULT_TIMEOUT;
    call.deadline = Math.min(now + timeout * NS_PER_MS, within?.deadline ?? Number.POSITIVE_INFINITY);
    call.serverBy = now + this.#parts.waitForServer * NS_PER_MS;
    try {
      if (method.input.kind === 'stream') {
        call.outgoing.length = callLayout.ENVELOPE_LENGTH;
        const sender = new InputSender(method, input as Streamable<unknown>, (error) =>
          this.#failInput(call, sender, error),
        );
        call.input = sender;
      } else {
        call.outgoing.encode(method.input.codec, input, MAX_MESSAGE);
      }
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      if (error instanceof CodecError)
        this.#fail(call, 'REFUSED', false, `the input does not fit: ${text}`, error);
      else this.#failWith(call, error);
      return;
    }
    if (!this.#listen(call, options)) return;
    if (call.deadline <= now) {
      this.#fail(call, 'TIMEOUT', false, 'its time was over before it was made');
      return;
    }
    const deadline = call.deadline === Number.POSITIVE_INFINITY ? 0 : Math.round(call.deadline);
    call.outgoing.address(method.isOneWay ? ENVELOPE_ONE_WAY : ENVELOPE_CALL, method.hash, deadline);
    if (!this.#keepsAlive) {
      this.#keepsAlive = true;
      this.#pump.ref();
    }
    this.#timer.set(call.deadline);
    // Those in line were here before.
    if (this.#line.size > 0) this.#wait(call);
    else this.#settle(call, this.#place(call));
  }

  /** Listens to the signals that give the call up; false where one of them has done so already. */
  #listen(call: OpenCall, options: CallOptions | undefined): boolean {
    const signal = bothSignals(options?.signal, options?.within?.signal);
    if (signal === undefined) return true;
    if (signal.aborted) {
      this.#fail(call, 'CANCELLED', false, 'its signal was aborted before it was made', signal.reason);
      return false;
    }
    call.signal = signal;
    call.onAbort = () => this.#giveUp(call, 'CANCELLED', 'its signal was aborted', signal.reason);
    signal.addEventListener('abort', call.onAbort, { once: true });
    return true;
  }

  /** Finds a server for a call that is not sent. */
  #place(call: OpenCall, except?: ServerLink): Placement {
    const all = call.only === undefined ? this.#links.candidates(call.method.name) : [call.only];
    let tried = 0;
    let isFull = false;
    for (const link of all.length > 1 ? this.#links.byWork(all) : all) {
      if (!link.isServing || link === except || call.avoided?.has(link) === true) continue;
      tried++;
      const outcome = this.#send(call, link);
      if (outcome === 'sent') return outcome;
      if (outcome === 'no cell') return 'full';
      if (outcome === 'full') isFull = true;
    }
    if (isFull) return 'full';
    // A server may have come of which this client has not heard yet.
    void this.#links.update();
    if (this.#isReplacing || this.#links.isJoining) return 'waits';
    if (tried > 0) return 'waits';
    if (call.avoided !== undefined) return this.#avoidance(call);
    if (call.only !== undefined) return this.#error(call, 'SERVER_DIED', false, 'the server has left');
    if (this.#links.serving.length > 0)
      return this.#error(call, 'NO_METHOD', false, this.#links.whyNot(call.method.name));
    if (this.#links.unreachable !== undefined) {
      const { cause } = this.#links.unreachable;
      return this.#error(call, 'UNREACHABLE', false, 'no inbox of a server can be joined', cause);
    }
    if (monotonicNow() < call.serverBy) return 'waits';
    return this.#error(call, 'NO_SERVER', false, 'no server of the service runs');
  }

  #avoidance(call: OpenCall): ServiceError {
    const texts = {
      BUSY: 'all servers have more calls than they take',
      UNREACHABLE: 'no server can open the mailbox of this client',
      NO_METHOD: 'no server has the method',
    };
    return this.#error(call, call.avoidance, false, texts[call.avoidance]);
  }

  #send(call: OpenCall, link: ServerLink): 'sent' | 'full' | 'refused' | 'no cell' {
    const { outgoing, method } = call;
    const mailbox = this.#mailbox;
    if (method.isOneWay) {
      call.link = link;
      outgoing.attempt(0, 0, undefined);
    } else {
      if (this.#isReplacing) return 'no cell';
      // INVARIANT: no call hangs. The call waits, and can be found by its answer, before the server can see it.
      if (!this.#table.claim(call)) return 'no cell';
      call.link = link;
      outgoing.attempt(call.cell, call.id, mailbox);
      mailbox.cells.prepare(call.cell, call.id);
      atStep?.('call: cell waiting');
    }
    call.state = 'sent';
    if (link.isSplit(outgoing)) {
      void this.#sendSplit(call, link);
      return 'sent';
    }
    const { moveAfter } = this.#parts;
    if (moveAfter !== undefined) {
      call.sentAt = monotonicNow();
      this.#timer.set(call.sentAt + moveAfter * NS_PER_MS);
    }
    const outcome = link.trySend(outgoing);
    if (outcome === 'published') {
      atStep?.('call: sent');
      this.#sent(call);
      return 'sent';
    }
    this.#takeBack(call);
    if (outcome === 'busy') this.#tryLater();
    return outcome === 'busy' ? 'full' : outcome;
  }

  /** The call was not committed. */
  #takeBack(call: OpenCall): void {
    if (call.cell >= 0) this.#release(call);
    call.link = undefined;
  }

  #sent(call: OpenCall): void {
    if (call.link?.hasAnswered === false) this.#timer.set(monotonicNow() + REFUSAL_LOOK_MS * NS_PER_MS);
    if (call.method.isOneWay) {
      this.#succeed(call, undefined);
      return;
    }
    if (call.input === undefined) return;
    this.#inputs.add(call.input);
    const { link, cell, id } = call as { link: ServerLink; cell: number; id: number };
    call.input.begin({ link, cells: this.#mailbox.cells, cell, id, mailbox: this.#mailbox.id });
  }

  async #sendSplit(call: OpenCall, link: ServerLink): Promise<void> {
    const sending = new AbortController();
    call.sending = sending;
    const { id } = call;
    let outcome: 'published' | 'refused';
    try {
      outcome = await link.sendSplit(call.outgoing, sending.signal);
    } catch {
      outcome = 'refused';
    }
    if (call.sending !== sending) return;
    call.sending = undefined;
    if (call.state === 'abandoned') {
      if (outcome === 'refused' || call.isWithdrawn) this.#finishAbandoned(call);
      return;
    }
    if (call.state !== 'sent' || call.id !== id) return;
    if (outcome === 'published') {
      atStep?.('call: sent');
      this.#sent(call);
      return;
    }
    this.#takeBack(call);
    // In another turn: the server that has refused it may be gone, which only the event loop can tell.
    this.#wait(call);
  }

  #settle(call: OpenCall, placement: Placement): void {
    if (placement === 'sent') return;
    if (placement === 'full' || placement === 'waits') this.#wait(call);
    else this.#failWith(call, placement);
  }

  #wait(call: OpenCall): void {
    call.state = 'line';
    this.#line.add(call);
    if (call.serverBy > monotonicNow()) this.#timer.set(call.serverBy);
    // Looked at again as one that is rung when there is room.
    this.#pump.schedule();
  }

  /** Tries those in line again; each that cannot be sent for want of room holds up those behind it. */
  #serveLine(): boolean {
    if (this.#line.size === 0 || this.#isServing) return false;
    this.#isServing = true;
    let any = false;
    for (const link of this.#links.serving) link.awaitRoom();
    for (const call of [...this.#line]) {
      if (!this.#line.has(call)) continue;
      const placement = this.#place(call);
      if (placement === 'full') break;
      if (placement === 'waits') continue;
      any = true;
      this.#line.delete(call);
      this.#settle(call, placement);
    }
    if (this.#line.size === 0) for (const link of this.#links.serving) link.forgetRoom();
    this.#isServing = false;
    return any;
  }

  /** A living process holds the lock of an inbox, and does not ring when it is free. */
  #tryLater(): void {
    this.#lockTimer ??= timers.setTimeout(() => {
      this.#lockTimer = undefined;
      if (!this.#closed) this.#pump.schedule();
    }, LOCKED_PAUSE_MS);
  }

  #turn(): number {
    const { receiver } = this.#mailbox;
    this.#hasTakenLast = false;
    const taken = receiver.take(this.#deliver, ANSWERS_A_TURN);
    if (this.#closed) return 0;
    receiver.ignoreLeft();
    if (this.#seat.hasChanged()) this.#lookAtServers();
    if (this.#inputs.size > 0) for (const input of this.#inputs) input.look(false);
    if (taken === 0) this.#lookForRefusals();
    this.#serveLine();
    return taken;
  }

  #pumped(mailbox: Mailbox): Pumped {
    const { receiver } = mailbox;
    const seat = this.#seat;
    // Items may gather; upon the end of a call the program may call again.
    const hasOnlyItems = () => !this.#hasTakenLast;
    return {
      get isAsleep() {
        return receiver.isAsleep;
      },
      get hasRoom() {
        return hasOnlyItems() && receiver.hasRoom;
      },
      lookFor: (times) => receiver.lookFor(times),
      wakeUp: () => {
        receiver.wakeUp();
        seat.wakeUp();
      },
      recover: () => {
        receiver.recover();
        seat.recover();
      },
      fallAsleep: () => {
        const registry = seat.fallAsleep();
        if (registry !== 'asleep') return registry;
        const answers = receiver.fallAsleep();
        if (answers !== 'asleep') {
          seat.wakeUp();
          return answers;
        }
        if (!this.#hasNews()) {
          if (this.#open === 0 && this.#keepsAlive) {
            this.#keepsAlive = false;
            this.#pump.unref();
          }
          return 'asleep';
        }
        receiver.wakeUp();
        seat.wakeUp();
        return 'news';
      },
    };
  }

  /** What may have changed beside the mailbox and the registry, looked at as a sleeper. */
  #hasNews(): boolean {
    if (this.#lookForRefusals()) return true;
    for (const input of this.#inputs) if (input.look(true)) return true;
    return this.#serveLine();
  }

  #lookForRefusals(): boolean {
    for (const link of this.#links.serving) {
      if (!link.takeRefusal()) continue;
      // Another server was stopped with the lock of the mailbox, so that no other one can join it.
      if (this.#mailbox.isLocked) this.#loseMailbox(this.#mailbox);
      else this.#moveOff(link, 'UNREACHABLE');
      return true;
    }
    return false;
  }

  /** The registry has changed. */
  #lookAtServers(): void {
    // First, so that the calls of those that are gone wait for those that have come.
    void this.#links.update();
    for (const link of this.#links.all) {
      const state = this.#seat.stateOf(link.server);
      if (state === 'draining' && link.isServing) {
        link.isServing = false;
        this.#links.changed();
        this.#moveWaiting(link);
      } else if (state === 'gone') {
        this.#lose(link);
      }
    }
  }

  #afterLinks(): void {
    if (this.#closed) return;
    this.#serveLine();
    this.#pump.schedule();
  }

  /** Sends the calls that a server has not started to others. */
  #moveWaiting(link: ServerLink): void {
    for (const call of this.#table.of(link)) {
      if (call.isSending || !this.#mailbox.cells.withdraw(call.cell, call.id)) continue;
      atStep?.('call: withdrawn');
      this.#move(call);
    }
  }

  /** The same, and none of them comes back to it. */
  #moveOff(link: ServerLink, avoidance: OpenCall['avoidance']): void {
    this.#links.avoid(link);
    for (const call of this.#table.of(link)) {
      if (call.isSending || !this.#mailbox.cells.withdraw(call.cell, call.id)) continue;
      atStep?.('call: withdrawn');
      this.#avoid(call, link, avoidance);
    }
  }

  #avoid(call: OpenCall, link: ServerLink, avoidance: OpenCall['avoidance']): void {
    call.avoided ??= new Set();
    call.avoided.add(link);
    call.avoidance = avoidance;
    this.#move(call);
  }

  /** Sends a call that will not run where it is to another server. */
  #move(call: OpenCall, except?: ServerLink): void {
    const from = call.link?.server;
    this.#release(call);
    call.link = undefined;
    call.serverBy = monotonicNow() + this.#parts.waitForServer * NS_PER_MS;
    if (diagnostics.failover.hasSubscribers && from !== undefined) {
      const { name: service } = this.#contract;
      diagnostics.failover.publish({ service, method: call.method.name, server: from.name, pid: from.pid });
    }
    atStep?.('call: moved');
    this.#settle(call, this.#place(call, except));
  }

  /** A server is gone. */
  #lose(link: ServerLink): void {
    link.isServing = link.isThere = false;
    this.#links.remove(link);
    // INVARIANT: an answer that was sent is not lost. What the server has published is read before its calls are given up.
    this.#mailbox.readAll(this.#deliver);
    for (const call of this.#table.of(link)) {
      call.sending?.abort();
      call.sending = undefined;
      const isWithdrawn = this.#mailbox.cells.withdraw(call.cell, call.id);
      if (call.state === 'abandoned') {
        this.#finishAbandoned(call);
        continue;
      }
      call.deaths++;
      if (isWithdrawn) atStep?.('call: withdrawn');
      const mayGoOn = call.deaths <= MOST_DEATHS && call.only === undefined;
      if (!isWithdrawn) call.mayHaveStarted = true;
      // INVARIANT: no call runs twice. One that may have started goes to another server only where it is idempotent.
      if (mayGoOn && (isWithdrawn || this.#mayRunTwice(call, link))) {
        this.#move(call);
        continue;
      }
      const { name, pid } = link.server;
      const text = `the server ${name === '' ? '' : `${name} `}(pid ${pid}) is gone`;
      const many = call.deaths > MOST_DEATHS ? `; it was the server number ${call.deaths} of this call` : '';
      this.#fail(call, 'SERVER_DIED', isWithdrawn ? false : 'maybe', `${text}${many}`);
    }
    void link.leave();
  }

  #mayRunTwice(call: OpenCall, link: ServerLink): boolean {
    const compared = link.methods.get(call.method.name);
    return call.isIdempotent && compared !== undefined && 'isIdempotent' in compared && compared.isIdempotent;
  }

  /** Takes one answer. */
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
      !this.#mailbox.isFrom(publisher, call.link.server.inbox)
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
    this.#hasTakenLast = true;
    if (call.state === 'abandoned') this.#finishAbandoned(call);
    else this.#takeLast(call, packet);
    return true;
  }

  #takeItem(call: OpenCall, { bytes, start, end }: Packet): void {
    const { stream, method } = call;
    if (stream === undefined || call.state !== 'sent') return;
    try {
      stream.push(method.output.codec.decode(bytes, this.#head.dataStart, end), end - start);
    } catch (error) {
      this.#giveUp(call, 'REFUSED', 'an item of its answer cannot be read', error);
    }
  }

  #takeLast(call: OpenCall, { bytes, end }: Packet): void {
    const head = this.#head;
    const { method } = call;
    const givesValue = method.output.kind === 'value';
    if (head.kind === ANSWER_VALUE && givesValue) {
      const decoded = decodeValue(this.#contract.name, method, bytes, head.dataStart, end);
      if (decoded instanceof ServiceError) this.#failWith(call, decoded);
      else this.#succeed(call, decoded.value);
    } else if (head.kind === ANSWER_END && !givesValue) {
      this.#succeed(call, undefined);
    } else if (head.kind === ANSWER_BUSY || head.kind === ANSWER_NO_METHOD) {
      this.#takeAvoidance(call, head.kind === ANSWER_BUSY ? 'BUSY' : 'NO_METHOD');
    } else {
      this.#takeError(call, bytes, end);
    }
  }

  #takeAvoidance(call: OpenCall, avoidance: 'BUSY' | 'NO_METHOD'): void {
    if (this.#mailbox.cells.withdraw(call.cell, call.id)) {
      this.#avoid(call, call.link as ServerLink, avoidance);
      return;
    }
    const text = 'the server says so after it has started the call';
    this.#failWith(call, this.#error(call, avoidance, 'maybe', text));
  }

  #takeError(call: OpenCall, bytes: Uint8Array, end: number): void {
    const isWithdrawn = this.#mailbox.cells.withdraw(call.cell, call.id);
    const started = isWithdrawn && !call.mayHaveStarted ? false : 'maybe';
    const before = call.mayHaveStarted;
    const error = errorOfAnswer(this.#contract.name, call.method, this.#head, bytes, end, started, before);
    // A handler that is cancelled at the deadline mostly fails by that, which may be heard of before the timer of this call.
    const isLate = monotonicNow() >= call.deadline;
    if (isLate && error instanceof ServiceError && error.code === 'REMOTE')
      this.#fail(call, 'TIMEOUT', started, this.#describeTimeout(call), error);
    else this.#failWith(call, error);
  }

  /** The program does not want the call any more, or may not. */
  #giveUp(call: OpenCall, code: ServiceErrorCode, text: string, cause?: unknown): void {
    if (call.state === 'line') {
      this.#line.delete(call);
      this.#fail(call, code, false, text, cause);
      return;
    }
    if (call.state !== 'sent') return;
    const { cells } = this.#mailbox;
    if (cells.withdraw(call.cell, call.id)) {
      atStep?.('call: withdrawn');
      call.isWithdrawn = true;
      if (call.isSending) this.#abandon(call);
      this.#fail(call, code, false, text, cause);
      return;
    }
    this.#cancel(call);
    this.#abandon(call);
    this.#fail(call, code, 'maybe', text, cause);
  }

  #cancel(call: OpenCall): void {
    if (!this.#mailbox.cells.cancel(call.cell, call.id)) return;
    atStep?.('call: cancelled');
    call.link?.ring();
  }

  /** The cell is the call's until its last answer was read, or its server is gone. */
  #abandon(call: OpenCall): void {
    call.state = 'abandoned';
    call.sending?.abort();
  }

  #finishAbandoned(call: OpenCall): void {
    this.#release(call);
    this.#table.recycle(call);
  }

  #release(call: OpenCall): void {
    this.#table.release(call, this.#mailbox.cells);
    if (call.input !== undefined) this.#inputs.delete(call.input);
    // INVARIANT: no call hangs. One that waits in line for a cell goes on, also where no answer comes that would wake this client.
    if (this.#line.size > 0) this.#pump.schedule();
  }

  /** @param attempt whether the present attempt can have started: one before it may have, too. */
  #error(
    { method, mayHaveStarted }: OpenCall,
    code: ServiceErrorCode,
    attempt: false | 'maybe',
    text: string,
    cause?: unknown,
  ): ServiceError {
    const started = mayHaveStarted ? 'maybe' : attempt;
    return new ServiceError(code, this.#contract.name, `${method.name}: ${text}`, { started, cause });
  }

  #fail(
    call: OpenCall,
    code: ServiceErrorCode,
    started: false | 'maybe',
    text: string,
    cause?: unknown,
  ): void {
    const error = this.#error(call, code, started, text, cause);
    this.#failWith(call, error);
  }

  #succeed(call: OpenCall, value: unknown): void {
    this.#end(call, undefined);
    call.resolve(value);
    this.#forget(call);
  }

  #failWith(call: OpenCall, error: unknown): void {
    this.#end(call, error);
    call.reject(error);
    this.#forget(call);
  }

  /** The program gets its outcome. */
  #end(call: OpenCall, error: unknown): void {
    this.#open--;
    const { input } = call;
    if (input !== undefined) this.#inputs.delete(input);
    if (call.began > 0) this.#tellEnd(call, error);
  }

  #forget(call: OpenCall): void {
    call.forget();
    if (call.state === 'abandoned') return;
    // INVARIANT: no answer is given to another call. A call that is used again has no cell.
    this.#release(call);
    this.#table.recycle(call);
  }

  #tellEnd({ method, began, link }: OpenCall, error: unknown): void {
    const about = {
      service: this.#contract.name,
      method: method.name,
      duration: (monotonicNow() - began) / NS_PER_MS,
      server: link?.server.name,
      pid: link?.server.pid,
    };
    if (error === undefined) diagnostics.end.publish(about);
    else diagnostics.error.publish({ ...about, error });
  }

  #failInput(call: OpenCall, sender: InputSender, error: unknown): void {
    if (call.input !== sender) return;
    if (error instanceof CodecError || isChannelError(error)) {
      this.#giveUp(call, 'REFUSED', `an item of its input does not fit: ${(error as Error).message}`, error);
      return;
    }
    if (call.state === 'sent') {
      const isWithdrawn = this.#mailbox.cells.withdraw(call.cell, call.id);
      if (isWithdrawn) {
        this.#release(call);
      } else {
        this.#cancel(call);
        this.#abandon(call);
      }
    }
    this.#line.delete(call);
    // The program's own error, as it is.
    this.#failWith(call, error);
  }

  /** The program has taken items. */
  #giveCredit(call: OpenCall, stream: ReceivedStream<unknown>, bytes: number): void {
    if (call.stream !== stream || call.state !== 'sent' || call.cell < 0) return;
    call.taken += bytes;
    if (call.taken < CREDIT_STEP) return;
    const { taken } = call;
    call.taken = 0;
    const isAwaited = this.#mailbox.cells.permit(call.cell, 'answers', taken);
    atStep?.('call: credit raised');
    if (isAwaited) call.link?.ring();
  }

  #onTimer(now: number): void {
    for (const call of [...this.#line, ...this.#table.all()]) {
      if (call.state === 'abandoned' || call.state === 'idle') continue;
      if (call.deadline <= now) {
        this.#giveUp(call, 'TIMEOUT', this.#describeTimeout(call));
        continue;
      }
      this.#timer.set(call.deadline);
      if (call.state === 'sent') this.#moveSlow(call, now);
      if (call.link?.hasAnswered === false) this.#timer.set(now + REFUSAL_LOOK_MS * NS_PER_MS);
      if (call.state === 'line' && call.serverBy > now) this.#timer.set(call.serverBy);
    }
    this.#lookForRefusals();
    this.#serveLine();
  }

  /** Sends a call to another server that its server has not started in time. */
  #moveSlow(call: OpenCall, now: number): void {
    const { moveAfter } = this.#parts;
    if (moveAfter === undefined || call.isSending || call.only !== undefined) return;
    const due = call.sentAt + moveAfter * NS_PER_MS;
    if (now < due) {
      this.#timer.set(due);
      return;
    }
    const { cells } = this.#mailbox;
    const { link, method } = call;
    if (!cells.isWaiting(call.cell, call.id)) return;
    const hasOther = this.#links
      .candidates(method.name)
      .some((other) => other !== link && call.avoided?.has(other) !== true);
    if (hasOther && cells.withdraw(call.cell, call.id)) {
      atStep?.('call: withdrawn');
      this.#move(call, link);
    } else {
      this.#timer.set(now + moveAfter * NS_PER_MS);
    }
  }

  #describeTimeout({ state, link }: OpenCall): string {
    if (state === 'line') return 'its time is over; no server had room for it';
    const { name = '', pid = 0 } = link?.server ?? {};
    return `its time is over; the server ${name === '' ? '' : `${name} `}(pid ${pid}) has not answered`;
  }

  /** Answers may be lost: all calls are given up as if each server were gone, and a new mailbox is made. */
  #loseMailbox(mailbox: Mailbox): void {
    if (this.#closed || this.#isReplacing || this.#mailbox !== mailbox) return;
    this.#isReplacing = true;
    // It may be in the middle of a turn.
    timers.setImmediate(() => void this.#replaceMailbox(mailbox));
  }

  async #replaceMailbox(lost: Mailbox): Promise<void> {
    if (this.#closed) return;
    this.#pump.stop();
    const moved: OpenCall[] = [];
    for (const call of this.#table.all()) {
      call.sending?.abort();
      call.sending = undefined;
      const isWithdrawn = lost.cells.withdraw(call.cell, call.id);
      if (!isWithdrawn) this.#cancel(call);
      this.#release(call);
      if (call.state === 'abandoned') this.#table.recycle(call);
      else if (isWithdrawn) moved.push(call);
      else this.#fail(call, 'MAILBOX_LOST', 'maybe', 'the memory for its answer was damaged or removed');
    }
    await lost.leave();
    try {
      await this.#openMailbox(this.#closing.signal);
    } catch (error) {
      for (const call of [...moved, ...this.#line]) {
        this.#line.delete(call);
        this.#fail(call, 'MAILBOX_LOST', false, 'this client has no memory for answers any more', error);
      }
      if (!this.#closed) await this.close();
      return;
    }
    for (const link of this.#links.all) link.mailbox = this.#mailbox.id;
    this.#isReplacing = false;
    for (const call of moved) {
      call.link = undefined;
      this.#settle(call, this.#place(call));
    }
  }

  /** Gives up all calls, and leaves: the inboxes, then the mailbox, then the registry. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer.clear();
    timers.clearTimeout(this.#lockTimer);
    for (const call of [...this.#line, ...this.#table.all()]) {
      this.#giveUp(call, 'CLOSED', 'the client was closed');
    }
    atStep?.('leave: calls given up');
    this.#closing.abort();
    // A client that could not be opened has neither.
    const mailbox = this.#mailbox as Mailbox | undefined;
    (this.#pump as Pump | undefined)?.stop();
    await this.#links.leave();
    atStep?.('leave: inboxes left');
    await mailbox?.leave();
    atStep?.('leave: mailbox left');
    await this.#seat.leave();
  }
}

function isChannelError(error: unknown): boolean {
  return error instanceof Error && error.name === 'ChannelError';
}

function bothSignals(one: AbortSignal | undefined, other: AbortSignal | undefined): AbortSignal | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return AbortSignal.any([one, other]);
}
