import { monotonicNow } from '@mmfbus/channel';
import { callLayout, Pump, type Pumped } from '@mmfbus/channel/internal';
import { CodecError } from '@mmfbus/codec';
import { timers } from '@mmfbus/core/internal';
import type { MethodContract, ServiceContract } from '../contract/service-contract.js';
import type { CallOptions, Streamable } from '../contract/types.js';
import { EarliestTimer } from '../foundation/earliest-timer.js';
import { atStep } from '../foundation/steps.js';
import { sweepLeftovers } from '../wire/leftovers.js';
import type { ClientSeat } from '../wire/registry.js';
import { AnswerReader } from './answer-reader.js';
import { ReceivedStream } from './answer-stream.js';
import { CallOutcomes } from './call-outcomes.js';
import { CallRouting } from './call-routing.js';
import { CallTable } from './call-table.js';
import { InputSender } from './input-sender.js';
import { Mailbox } from './mailbox.js';
import type { OpenCall } from './open-call.js';
import type { ServerLink } from './server-link.js';
import { ServerLinks } from './server-links.js';

const { ENVELOPE_CALL, ENVELOPE_ONE_WAY, STREAM_WINDOW } = callLayout;

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

/** The calls of one client: how they are made, and what becomes of them when a server, the mailbox or the client is gone. */
export class Calls {
  readonly #parts: CallsParts;
  readonly #seat: ClientSeat;
  readonly #links: ServerLinks;
  readonly #table: CallTable;
  readonly #outcomes: CallOutcomes;
  readonly #routing: CallRouting;
  readonly #answers: AnswerReader;
  readonly #timer = new EarliestTimer((now) => this.#onTimer(now));
  #pump!: Pump;
  #keepsAlive = false;
  #closed = false;
  readonly #closing = new AbortController();

  private constructor(parts: CallsParts) {
    const service = parts.contract.name;
    const schedule = () => this.#pump.schedule();
    const table = new CallTable(schedule);
    const mailbox = () => table.mailbox.id;
    const links = new ServerLinks({ ...parts, mailbox }, this.#closing.signal, () => this.#afterLinks());
    const outcomes = new CallOutcomes(service, table);
    const routing = new CallRouting({
      ...parts,
      service,
      table,
      links,
      outcomes,
      timer: this.#timer,
      schedule,
    });
    this.#parts = parts;
    this.#seat = parts.seat;
    this.#links = links;
    this.#table = table;
    this.#outcomes = outcomes;
    this.#routing = routing;
    this.#answers = new AnswerReader(service, table, outcomes, routing);
    parts.seat.participant.lifeEnded.add(() => sweepLeftovers(service));
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
    this.#table.mailbox = mailbox;
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
    return this.#outcomes.open;
  }

  /** Answers that belonged to no open call. */
  get dropped(): number {
    return this.#answers.dropped;
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
        if (call.stream === stream)
          this.#outcomes.giveUp(call, 'CANCELLED', 'its stream is not read any more');
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
    const now = monotonicNow();
    this.#outcomes.begin(call, now);
    call.isIdempotent = method.isIdempotent;
    if (this.#closed) {
      this.#outcomes.fail(call, 'CLOSED', false, 'the client is closed');
      return;
    }
    const within = options?.within;
    const timeout = options?.timeout ?? this.#parts.timeout ?? DEFAULT_TIMEOUT;
    call.deadline = Math.min(now + timeout * NS_PER_MS, within?.deadline ?? Number.POSITIVE_INFINITY);
    call.serverBy = this.#routing.serverBy(now);
    try {
      if (method.input.kind === 'stream') {
        call.outgoing.length = callLayout.ENVELOPE_LENGTH;
        const sender = new InputSender(method, input as Streamable<unknown>, (error) =>
          this.#outcomes.failInput(call, sender, error),
        );
        call.input = sender;
      } else {
        call.outgoing.encode(method.input.codec, input, MAX_MESSAGE);
      }
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      if (error instanceof CodecError)
        this.#outcomes.fail(call, 'REFUSED', false, `the input does not fit: ${text}`, error);
      else this.#outcomes.failWith(call, error);
      return;
    }
    if (!this.#listen(call, options)) return;
    if (call.deadline <= now) {
      this.#outcomes.fail(call, 'TIMEOUT', false, 'its time was over before it was made');
      return;
    }
    const deadline = call.deadline === Number.POSITIVE_INFINITY ? 0 : Math.round(call.deadline);
    call.outgoing.address(method.isOneWay ? ENVELOPE_ONE_WAY : ENVELOPE_CALL, method.hash, deadline);
    if (!this.#keepsAlive) {
      this.#keepsAlive = true;
      this.#pump.ref();
    }
    this.#timer.set(call.deadline);
    this.#routing.begin(call);
  }

  /** Listens to the signals that give the call up; false where one of them has done so already. */
  #listen(call: OpenCall, options: CallOptions | undefined): boolean {
    const signal = bothSignals(options?.signal, options?.within?.signal);
    if (signal === undefined) return true;
    if (signal.aborted) {
      this.#outcomes.fail(
        call,
        'CANCELLED',
        false,
        'its signal was aborted before it was made',
        signal.reason,
      );
      return false;
    }
    call.signal = signal;
    call.onAbort = () => this.#outcomes.giveUp(call, 'CANCELLED', 'its signal was aborted', signal.reason);
    signal.addEventListener('abort', call.onAbort, { once: true });
    return true;
  }

  #turn(): number {
    const { receiver } = this.#table.mailbox;
    this.#answers.hasTakenLast = false;
    const taken = receiver.take(this.#answers.deliver, ANSWERS_A_TURN);
    if (this.#closed) return 0;
    receiver.ignoreLeft();
    if (this.#seat.hasChanged()) this.#lookAtServers();
    const { inputs } = this.#table;
    if (inputs.size > 0) for (const input of inputs) input.look(false);
    if (taken === 0) this.#lookForRefusals();
    this.#routing.serveLine();
    return taken;
  }

  #pumped(mailbox: Mailbox): Pumped {
    const { receiver } = mailbox;
    const seat = this.#seat;
    // Items may gather; upon the end of a call the program may call again.
    const hasOnlyItems = () => !this.#answers.hasTakenLast;
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
          if (this.#outcomes.open === 0 && this.#keepsAlive) {
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
    for (const input of this.#table.inputs) if (input.look(true)) return true;
    return this.#routing.serveLine();
  }

  #lookForRefusals(): boolean {
    for (const link of this.#links.serving) {
      if (!link.takeRefusal()) continue;
      // Another server was stopped with the lock of the mailbox, so that no other one can join it.
      const { mailbox } = this.#table;
      if (mailbox.isLocked) this.#loseMailbox(mailbox);
      else this.#routing.moveOff(link);
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
        this.#routing.moveWaiting(link);
      } else if (state === 'gone') {
        this.#lose(link);
      }
    }
  }

  #afterLinks(): void {
    if (this.#closed) return;
    this.#routing.serveLine();
    this.#pump.schedule();
  }

  /** A server is gone. */
  #lose(link: ServerLink): void {
    link.isServing = link.isThere = false;
    this.#links.remove(link);
    // INVARIANT: an answer that was sent is not lost. What the server has published is read before its calls are given up.
    this.#table.mailbox.readAll(this.#answers.deliver);
    for (const call of this.#table.of(link)) {
      call.sending?.abort();
      call.sending = undefined;
      const isWithdrawn = this.#table.withdraw(call);
      if (call.state === 'abandoned') {
        this.#table.finish(call);
        continue;
      }
      call.deaths++;
      const mayGoOn = call.deaths <= MOST_DEATHS && call.only === undefined;
      if (!isWithdrawn) call.mayHaveStarted = true;
      // INVARIANT: no call runs twice. One that may have started goes to another server only where it is idempotent.
      if (mayGoOn && (isWithdrawn || this.#mayRunTwice(call, link))) {
        this.#routing.move(call);
        continue;
      }
      const { name, pid } = link.server;
      const text = `the server ${name === '' ? '' : `${name} `}(pid ${pid}) is gone`;
      const many = call.deaths > MOST_DEATHS ? `; it was the server number ${call.deaths} of this call` : '';
      this.#outcomes.fail(call, 'SERVER_DIED', isWithdrawn ? false : 'maybe', `${text}${many}`);
    }
    void link.leave();
  }

  #mayRunTwice(call: OpenCall, link: ServerLink): boolean {
    const compared = link.methods.get(call.method.name);
    return call.isIdempotent && compared !== undefined && 'isIdempotent' in compared && compared.isIdempotent;
  }

  /** The program has taken items. */
  #giveCredit(call: OpenCall, stream: ReceivedStream<unknown>, bytes: number): void {
    if (call.stream !== stream || call.state !== 'sent' || call.cell < 0) return;
    call.taken += bytes;
    if (call.taken < CREDIT_STEP) return;
    const { taken } = call;
    call.taken = 0;
    const isAwaited = this.#table.mailbox.cells.permit(call.cell, 'answers', taken);
    atStep?.('call: credit raised');
    if (isAwaited) call.link?.ring();
  }

  #onTimer(now: number): void {
    for (const call of [...this.#table.line, ...this.#table.all()]) {
      if (call.state === 'abandoned' || call.state === 'idle') continue;
      if (call.deadline <= now) this.#outcomes.giveUp(call, 'TIMEOUT', call.describeTimeout());
      else this.#routing.look(call, now);
    }
    this.#lookForRefusals();
    this.#routing.serveLine();
  }

  /** Answers may be lost: all calls are given up as if each server were gone, and a new mailbox is made. */
  #loseMailbox(mailbox: Mailbox): void {
    if (this.#closed || this.#routing.isHeld || this.#table.mailbox !== mailbox) return;
    this.#routing.isHeld = true;
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
      const isWithdrawn = this.#table.withdraw(call);
      if (!isWithdrawn) this.#table.cancel(call);
      if (call.state === 'abandoned') {
        this.#table.finish(call);
      } else if (isWithdrawn) {
        this.#table.release(call);
        moved.push(call);
      } else {
        this.#outcomes.fail(
          call,
          'MAILBOX_LOST',
          'maybe',
          'the memory for its answer was damaged or removed',
        );
      }
    }
    await lost.leave();
    try {
      await this.#openMailbox(this.#closing.signal);
    } catch (error) {
      const { line } = this.#table;
      for (const call of [...moved, ...line]) {
        line.delete(call);
        this.#outcomes.fail(
          call,
          'MAILBOX_LOST',
          false,
          'this client has no memory for answers any more',
          error,
        );
      }
      if (!this.#closed) await this.close();
      return;
    }
    for (const link of this.#links.all) link.mailbox = this.#table.mailbox.id;
    this.#routing.isHeld = false;
    for (const call of moved) {
      call.link = undefined;
      this.#routing.send(call);
    }
  }

  /** Gives up all calls, and leaves: the inboxes, then the mailbox, then the registry. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer.clear();
    this.#routing.close();
    for (const call of [...this.#table.line, ...this.#table.all()]) {
      this.#outcomes.giveUp(call, 'CLOSED', 'the client was closed');
    }
    atStep?.('leave: calls given up');
    this.#closing.abort();
    // A client that could not be opened has neither.
    const mailbox = this.#table.mailbox as Mailbox | undefined;
    (this.#pump as Pump | undefined)?.stop();
    await this.#links.leave();
    atStep?.('leave: inboxes left');
    await mailbox?.leave();
    atStep?.('leave: mailbox left');
    await this.#seat.leave();
  }
}

function bothSignals(one: AbortSignal | undefined, other: AbortSignal | undefined): AbortSignal | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return AbortSignal.any([one, other]);
}
