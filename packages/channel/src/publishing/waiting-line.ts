import { timers } from '@mmfbus/core';
import { STATE_RELIABLE } from '../layout/participant-layout.js';
import type { Member } from '../participants/member.js';
import type { PublishOutcome } from './outbox.js';

/** A call that waits. */
interface Call {
  readonly attempt: () => PublishOutcome;
  readonly succeed: () => void;
  readonly fail: (reason: unknown) => void;
}

/** What ends the waiting of a call before its turn, or in the middle of it. */
export interface Limits {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds. Defaults to no limit. */
  readonly timeout?: number | undefined;
  /** Makes the error of a call whose time is up. */
  readonly onTimeout: () => Error;
}

/**
 * Those calls of one publisher that wait for room, in the order in which they were made. A call has one outcome: that of
 * the attempt that succeeded or threw, or what took the call out of the line before. After that it is not attempted.
 */
export class WaitingLine {
  readonly #member: Member;
  readonly #calls = new Set<Call>();
  #serving = false;
  #closed = false;
  /** Settled when somebody rang since the last attempt began. */
  #rung: Promise<void> | undefined;
  /** Settles it. */
  #wake: (() => void) | undefined;
  /** Ends the waiting for the lock. */
  #lockWait: AbortController | undefined;

  constructor(member: Member) {
    this.#member = member;
    member.onRing = () => this.#wake?.();
  }

  /** Whether no call waits. */
  get isEmpty(): boolean {
    return this.#calls.size === 0;
  }

  /** Makes the attempt again and again until it succeeds or throws, after all those calls that wait already. */
  wait(
    attempt: () => PublishOutcome,
    { signal, timeout = Number.POSITIVE_INFINITY, onTimeout }: Limits,
  ): Promise<void> {
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const settle = (decide: () => void): void => {
        if (!this.#calls.delete(call)) return;
        signal?.removeEventListener('abort', abort);
        timers.clearTimeout(timer);
        decide();
        // The publisher may be sleeping for this call.
        this.#wake?.();
        if (this.#calls.size === 0) this.#lockWait?.abort();
      };
      const fail = (reason: unknown) => settle(() => reject(reason));
      const abort = () => fail(signal?.reason);
      const call: Call = { attempt, succeed: () => settle(resolve), fail };
      this.#calls.add(call);
      signal?.addEventListener('abort', abort, { once: true });
      if (timeout !== Number.POSITIVE_INFINITY) timer = timers.setTimeout(() => fail(onTimeout()), timeout);
      if (!this.#serving) void this.#serve();
    });
  }

  /** Fails all calls. From here on the memory of the channel is not touched. */
  close(reason: unknown): void {
    this.#closed = true;
    for (const call of this.#calls) call.fail(reason);
  }

  async #serve(): Promise<void> {
    const { port } = this.#member;
    this.#serving = true;
    port.ref();
    for (const call of this.#calls) {
      while (this.#calls.has(call)) {
        try {
          const outcome = this.#attempt(call);
          // No turn of the event loop between a call that has succeeded and the next one.
          if (outcome === 'full') await this.#rung;
          this.#wakeUp();
          if (outcome === 'busy') await this.#awaitLock();
        } catch (error) {
          this.#wakeUp();
          call.fail(error);
        }
      }
    }
    port.unref();
    this.#serving = false;
  }

  /** One attempt, as a sleeper: whoever makes room after it rings. */
  #attempt(call: Call): PublishOutcome {
    const { table, slot } = this.#member;
    this.#member.watchOver(STATE_RELIABLE);
    this.#rung = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    // SYNC: waiting for room. Counted before the attempt reads the cursors; subscribers store them before they count.
    table.fallAsleep(slot);
    const outcome = call.attempt();
    if (outcome === 'published') call.succeed();
    return outcome;
  }

  #wakeUp(): void {
    if (!this.#closed) this.#member.table.wakeUp(this.#member.slot);
  }

  async #awaitLock(): Promise<void> {
    const { lock } = this.#member;
    const unneeded = new AbortController();
    this.#lockWait = unneeded;
    await lock.acquire([unneeded.signal]);
    lock.release();
  }
}
