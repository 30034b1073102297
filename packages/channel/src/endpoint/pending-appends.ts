import { timers, yieldThread } from '@mmfbus/core/internal';
import { STATE_RELIABLE, WANTS_ROOM } from '../format/participant-layout.js';
import type { Participant } from '../membership/participant.js';
import type { PublishOutcome } from './appender.js';
import { LookWindow } from './look-window.js';

/** So many looks take about as long as a turn of the event loop. */
const LOOKS_A_TURN = 200;

/** A call that waits. */
interface Pending {
  /** Bytes that are kept for it. */
  readonly bytes: number;
  /** Whether it is done now; `busy` where that cannot be tried before the lock is free. */
  readonly attempt: () => PublishOutcome;
  readonly succeed: () => void;
  readonly fail: (reason: unknown) => void;
}

/** What a call waits for, and what ends that before. */
export interface Wait<R> {
  /** Bytes that are kept for it. Defaults to 0. */
  readonly bytes?: number;
  readonly attempt: () => PublishOutcome;
  /** What the call returns, taken when an attempt has succeeded. */
  readonly result: () => R;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds. Defaults to no limit. */
  readonly timeout?: number | undefined;
  /** Makes the error of a call whose time is up. */
  readonly onTimeout: () => Error;
}

/**
 * Those calls of one publisher that wait: in line for room, in the order in which they were made, or beside the line for
 * subscribers to take something. A call has one outcome: that of the attempt that succeeded or threw, or what took it out
 * before. After that it is not attempted.
 */
export class PendingAppends {
  /** Bytes that are kept for the calls in line. */
  bytes = 0;
  readonly #participant: Participant;
  readonly #window: LookWindow;
  readonly #line = new Set<Pending>();
  readonly #beside = new Set<Pending>();
  #serving = false;
  /** Whether others look for room as well: see {@link PendingAppends.awaitRoom}. */
  #isAwaited = false;
  #closed = false;
  /** Settled when the bell has rung since the last attempt began. */
  #rung: Promise<void> | undefined;
  /** Settles it. */
  #wake: (() => void) | undefined;
  /** Ends the waiting for the lock. */
  #lockWait: AbortController | undefined;

  /** @param pollWindow milliseconds for which it looks for room before it sleeps. */
  constructor(participant: Participant, pollWindow: number) {
    this.#participant = participant;
    this.#window = new LookWindow(pollWindow);
    participant.rung.add(() => this.#wake?.());
  }

  /** Whether no call waits in line. */
  get isEmpty(): boolean {
    return this.#line.size === 0;
  }

  /** Makes the attempt again and again until it succeeds or throws, after all those calls that are in line already. */
  waitInLine<R>(wait: Wait<R>): Promise<R> {
    return this.#wait(this.#line, wait);
  }

  /** Does that without regard to the line. */
  waitBeside<R>(wait: Wait<R>): Promise<R> {
    return this.#wait(this.#beside, wait);
  }

  /**
   * Has the bell rung when there is room, also while no call waits in line here: for one that makes attempts of its own. After this it
   * must look whether there is any.
   */
  awaitRoom(): void {
    this.#isAwaited = true;
    // SYNC: waiting for room. Counted before the attempt reads the cursors; subscribers store them before they count.
    this.#participant.sleep.begin(WANTS_ROOM);
    this.#participant.watchOver(STATE_RELIABLE);
  }

  /** Ends that. The calls in line are still rung for. */
  forgetRoom(): void {
    this.#isAwaited = false;
    if (!this.#serving) this.#participant.sleep.end(WANTS_ROOM);
  }

  /** Fails all calls. From here on the memory of the channel is not touched. */
  close(reason: unknown): void {
    this.#closed = true;
    for (const call of [...this.#line, ...this.#beside]) call.fail(reason);
  }

  #wait<R>(calls: Set<Pending>, wait: Wait<R>): Promise<R> {
    const { attempt, result, signal, bytes = 0, timeout = Number.POSITIVE_INFINITY, onTimeout } = wait;
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const settle = (decide: () => void): void => {
        if (!calls.delete(call)) return;
        this.bytes -= bytes;
        signal?.removeEventListener('abort', abort);
        timers.clearTimeout(timer);
        decide();
        // The publisher may be sleeping for this call.
        this.#wake?.();
        if (this.#line.size === 0) this.#lockWait?.abort();
      };
      const fail = (reason: unknown) => settle(() => reject(reason));
      const abort = () => fail(signal?.reason);
      const call: Pending = { bytes, attempt, succeed: () => settle(() => resolve(result())), fail };
      calls.add(call);
      this.bytes += bytes;
      signal?.addEventListener('abort', abort, { once: true });
      if (timeout !== Number.POSITIVE_INFINITY) timer = timers.setTimeout(() => fail(onTimeout()), timeout);
      if (this.#serving) this.#wake?.();
      else void this.#serve();
    });
  }

  async #serve(): Promise<void> {
    this.#serving = true;
    const release = this.#participant.keepAlive();
    while (this.#isWaiting) {
      // No turn of the event loop between a call that has succeeded and the next one.
      let outcome: PublishOutcome = 'full';
      if (this.#window.length > 0) {
        const before = this.#participant.table.reliableCursors();
        outcome = this.#attempt();
        // Whatever else ran meanwhile may have ended all calls.
        if (outcome === 'full' && ((await this.#areMoved(before)) || !this.#isWaiting)) continue;
      }
      if (outcome === 'full') outcome = await this.#sleep();
      if (outcome === 'busy') await this.#awaitLock();
    }
    release();
    this.#serving = false;
  }

  /** One attempt of those beside the line, and of the first one in it. */
  #attempt(): PublishOutcome {
    for (const call of this.#beside) attempt(call);
    const [first] = this.#line;
    return first === undefined ? 'full' : attempt(first);
  }

  get #isWaiting(): boolean {
    return this.#line.size > 0 || this.#beside.size > 0;
  }

  /**
   * Whether subscribers move on from there while it looks for that. To ring the bell of a publisher that sleeps takes them longer
   * than many messages do.
   */
  async #areMoved(cursors: number): Promise<boolean> {
    const { table } = this.#participant;
    const end = timers.now() + this.#window.length;
    // A closed publisher has no call that waits.
    while (this.#isWaiting && timers.now() < end) {
      // A subscriber may wait for this very core.
      yieldThread();
      for (let looks = 0; looks < LOOKS_A_TURN; looks++) {
        if (table.reliableCursors() !== cursors) return true;
      }
      await timers.nextTurn();
    }
    return false;
  }

  /** Attempts as a sleeper: a subscriber that makes room later rings. Then it sleeps where it has to. */
  async #sleep(): Promise<PublishOutcome> {
    const outcome = this.#attemptAsleep();
    if (outcome === 'full') {
      this.#window.fallAsleep(timers.now());
      await this.#rung;
      this.#window.wakeUp(timers.now());
    }
    if (!this.#closed && !this.#isAwaited) this.#participant.sleep.end(WANTS_ROOM);
    return outcome;
  }

  #attemptAsleep(): PublishOutcome {
    this.#participant.watchOver(STATE_RELIABLE);
    this.#rung = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    // SYNC: waiting for room. Counted before the attempt reads the cursors; subscribers store them before they count.
    this.#participant.sleep.begin(WANTS_ROOM);
    return this.#attempt();
  }

  async #awaitLock(): Promise<void> {
    const { lock } = this.#participant;
    const unneeded = new AbortController();
    this.#lockWait = unneeded;
    try {
      await lock.acquire([unneeded.signal]);
      lock.release();
    } catch (error) {
      if (!unneeded.signal.aborted) for (const call of this.#line) call.fail(error);
    }
  }
}

/** Where it throws, that is the outcome of the call. */
function attempt(call: Pending): PublishOutcome {
  try {
    const outcome = call.attempt();
    if (outcome === 'published') call.succeed();
    return outcome;
  } catch (error) {
    call.fail(error);
    return 'published';
  }
}
