import { monotonicNow } from '@mmfbus/channel';
import { callLayout } from '@mmfbus/channel/internal';
import type { Handler } from '../contract/check-handlers.js';
import { isDeclared } from '../contract/declared-error.js';
import type { MethodContract } from '../contract/service-contract.js';
import { diagnostics } from '../foundation/diagnostics.js';
import { EarliestTimer } from '../foundation/earliest-timer.js';
import { ServiceError } from '../foundation/errors.js';
import { isPromise } from '../foundation/promises.js';
import { atStep } from '../foundation/steps.js';
import type { CallOutcome, Statistics } from '../wire/statistics.js';
import { sendAnswers } from './answer-sender.js';
import type { Answers } from './answers.js';
import type { ServerCall } from './server-call.js';

const NS_PER_MS = 1e6;

/** What calls are run with. */
export interface RunnerParts {
  readonly handlers: ReadonlyMap<MethodContract, Handler>;
  readonly answers: Answers;
  readonly statistics: Statistics;
  /** How many handlers run at once that give a promise, how many calls wait for their turn, and how many with streams run at once. */
  readonly concurrency: number;
  readonly queue: number;
  readonly streams: number;
  /** Told of each call that is done with, before it is answered. */
  readonly onDone: () => void;
}

/** Runs the handlers of calls: each in its turn, and only where its caller still waits. */
export class CallRunner {
  readonly #parts: RunnerParts;
  readonly #running = new Set<ServerCall>();
  #streaming = 0;
  /** Calls that wait for their turn: those of methods without, and with a stream. */
  readonly #queue: ServerCall[] = [];
  readonly #streamQueue: ServerCall[] = [];
  #isOver = false;
  /** All calls that ran were cancelled, since the server leaves. */
  #isLeaving = false;
  readonly #timer = new EarliestTimer((now) => this.#onTimer(now));
  #onIdle: (() => void) | undefined;

  constructor(parts: RunnerParts) {
    this.#parts = parts;
  }

  /** Calls that run, or wait for their turn. */
  get outstanding(): number {
    return this.#running.size + this.#queue.length + this.#streamQueue.length;
  }

  /** Runs a call, now or in its turn; answers `BUSY` where too many wait. */
  admit(call: ServerCall): void {
    if (this.#hasPermit(call)) {
      this.#start(call);
      return;
    }
    const queue = this.#queueOf(call);
    const { link } = call;
    if (link !== undefined) {
      const most = this.#parts.queue;
      if (queue.length >= most) this.#dropWithdrawn(queue);
      if (queue.length >= most || link.isSlow) {
        this.#parts.answers.busy(call);
        this.finish(call);
        return;
      }
      link.calls.set(call.id, call);
      this.#timer.set(call.deadline);
    }
    queue.push(call);
  }

  /** A call that has not started is done with. */
  finish(call: ServerCall): void {
    if (call.isOver) return;
    call.isOver = true;
    call.link?.calls.delete(call.id);
    this.#parts.onDone();
    this.#tellIdle();
  }

  /** A call is of no use any more: it does not start, or its handler is told. */
  giveUp(call: ServerCall, why: string): void {
    if (call.isStarted) {
      call.cancel(new ServiceError('CANCELLED', call.service, why, { started: 'maybe' }));
      return;
    }
    const queue = this.#queueOf(call);
    const index = queue.indexOf(call);
    if (index >= 0) queue.splice(index, 1);
    this.finish(call);
  }

  /** Does that with all calls that have not started, one-way calls left out: their callers take them back. */
  dropWaiting(): void {
    for (const queue of [this.#queue, this.#streamQueue]) {
      for (const call of queue.splice(0)) {
        if (call.link === undefined) queue.push(call);
        else this.finish(call);
      }
    }
  }

  /** Does that with all that run: the server leaves. */
  cancelAll(why: string): void {
    this.#isLeaving = true;
    for (const call of this.#running) this.giveUp(call, why);
  }

  /** Settles when no call runs or waits, or the signal aborts. */
  idle(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#onIdle = resolve;
      signal.addEventListener('abort', () => resolve(), { once: true });
      if (signal.aborted) resolve();
      this.#tellIdle();
    });
  }

  /** Nothing starts from here on, and nothing is answered. */
  stop(): void {
    this.#isOver = true;
    this.#timer.clear();
  }

  /** Tells the handlers of calls that were given up, and lets streams go on that have credit. */
  look(): void {
    if (this.#running.size === 0) return;
    for (const call of this.#running) {
      const { link } = call;
      if (link?.state !== 'ready') continue;
      if (!call.isCancelled && !link.cells.isRunning(call.cell, call.id)) call.cancel();
      if (call.wake !== undefined && link.cells.hasCredit(call.cell, 'answers', call.sent)) call.wake();
    }
  }

  /** Whether {@link CallRunner.look} would find something, asked after the server has said that it sleeps. */
  hasNews(): boolean {
    // INVARIANT: a handler learns that its call was given up. The caller rings only a server that sleeps.
    for (const call of this.#running) {
      const { link } = call;
      if (link?.state !== 'ready' || call.isCancelled) continue;
      if (!link.cells.isRunningNow(call.cell, call.id)) return true;
      if (call.wake !== undefined && link.cells.hasCredit(call.cell, 'answers', call.sent)) return true;
    }
    return false;
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
      else this.finish(call);
    }
  }

  /** Runs calls whose turn has come. */
  runWaiting(): void {
    for (const queue of [this.#queue, this.#streamQueue]) {
      while (queue.length > 0 && this.#hasPermit(queue[0] as ServerCall)) {
        this.#start(queue.shift() as ServerCall);
      }
    }
    this.#tellIdle();
  }

  /** Runs the handler, if the caller still waits. */
  #start(call: ServerCall): void {
    const { link, method } = call;
    const now = monotonicNow();
    if (
      link !== undefined &&
      (call.deadline <= now || this.#isOver || !link.cells.start(call.cell, call.id))
    ) {
      this.finish(call);
      return;
    }
    atStep?.('server: started');
    call.isStarted = true;
    call.began = now;
    call.number = this.#parts.statistics.started(method.hash, call.caller.pid, now);
    if (call.stream !== undefined && link !== undefined) {
      link.calls.set(call.id, call);
      if (link.cells.permit(call.cell, 'inputs', callLayout.STREAM_WINDOW)) link.ring();
      atStep?.('server: credit raised');
    }
    const handler = this.#parts.handlers.get(method) as Handler;
    let result: unknown;
    try {
      result = handler(call.input, call);
    } catch (error) {
      this.#end(call, 'failed', error);
      return;
    }
    if (method.output.kind !== 'stream' && !isPromise(result)) {
      this.#end(call, 'answered', result);
      return;
    }
    this.#running.add(call);
    if (isStreaming(call)) this.#streaming++;
    link?.calls.set(call.id, call);
    this.#timer.set(call.deadline);
    void this.#await(call, result);
  }

  async #await(call: ServerCall, result: unknown): Promise<void> {
    let outcome: CallOutcome = 'answered';
    let value: unknown;
    try {
      value = await result;
      if (call.method.output.kind === 'stream') await sendAnswers(call, value);
    } catch (error) {
      outcome = 'failed';
      value = error;
    }
    if (this.#running.delete(call) && isStreaming(call)) this.#streaming--;
    this.#end(call, outcome, value);
    this.runWaiting();
  }

  /**
   * The handler has ended: counts that, and then answers.
   *
   * @param result what it gave, or what it threw.
   */
  #end(call: ServerCall, outcome: CallOutcome, result: unknown): void {
    atStep?.('server: handler ended');
    const { method, link } = call;
    const now = monotonicNow();
    const how = call.cancelled ? 'cancelled' : outcome;
    call.isOver = true;
    call.stream?.end('done');
    link?.calls.delete(call.id);
    this.#parts.statistics.ended(method.hash, call.number, call.began, now, how);
    if (diagnostics.handled.hasSubscribers) this.#tellHandled(call, how, now);
    if (this.#isOver) return;
    this.#parts.onDone();
    atStep?.('server: done raised');
    if (link === undefined || this.#isLeft(call, outcome, result)) return;
    // What a handler gives after it was told that the time is over is no answer any more.
    const isLate = call.isCancelled && call.deadline <= now;
    if (outcome === 'failed') this.#parts.answers.error(call, result);
    else if (isLate) this.#parts.answers.error(call, this.#tooLate(call));
    // A stream was left where the call was cancelled: its caller must not take it for whole.
    else if (method.output.kind === 'stream' && call.isCancelled)
      this.#parts.answers.error(call, call.reason);
    else if (method.output.kind === 'stream') this.#parts.answers.end(call);
    else this.#parts.answers.value(call, result);
    atStep?.('server: answered');
  }

  /**
   * Whether a call is left without an answer: its handler has ended because the server leaves. Its caller learns that the server has left, as
   * of calls whose handlers have not ended.
   */
  #isLeft(call: ServerCall, outcome: CallOutcome, result: unknown): boolean {
    if (!this.#isLeaving || !call.isCancelled) return false;
    const { method, service } = call;
    return outcome === 'failed' ? !isDeclared(service, method, result) : method.output.kind === 'stream';
  }

  #tellHandled({ service, method, caller, began }: ServerCall, outcome: CallOutcome, now: number): void {
    const duration = (now - began) / NS_PER_MS;
    diagnostics.handled.publish({ service, method: method.name, duration, outcome, caller: caller.pid });
  }

  #tellIdle(): void {
    if (this.#onIdle !== undefined && this.outstanding === 0) this.#onIdle();
  }

  #onTimer(now: number): void {
    for (const call of [...this.#queue, ...this.#streamQueue, ...this.#running]) {
      if (call.isCancelled) continue;
      if (call.deadline > now) this.#timer.set(call.deadline);
      else if (!call.isStarted) this.giveUp(call, 'its time is over');
      else call.cancel(this.#tooLate(call));
    }
  }

  #tooLate({ service, method }: ServerCall): ServiceError {
    return new ServiceError('TIMEOUT', service, `${method.name}: its time is over`, { started: 'maybe' });
  }
}

function isStreaming({ method }: ServerCall): boolean {
  return method.output.kind === 'stream' || method.input.kind === 'stream';
}
