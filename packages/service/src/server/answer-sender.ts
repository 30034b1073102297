import { callLayout } from '@mmfbus/channel/internal';
import { timers } from '@mmfbus/core/internal';
import { isPromise } from '../foundation/promises.js';
import { atStep } from '../foundation/steps.js';
import type { OutgoingAnswer } from '../wire/answer.js';
import { emptyAnswer, misfit } from './answers.js';
import type { CallerLink } from './caller-link.js';
import type { ServerCall } from './server-call.js';

/** Items of a stream that are sent without a turn of the event loop in between. */
const ITEMS_AT_ONCE = 512;

type Items = AsyncIterator<unknown> | Iterator<unknown>;

/**
 * Sends the stream of answers of a call, as far as the caller permits, and leaves it where the call is cancelled.
 *
 * @param result what the handler has returned.
 * @returns settles when the stream has ended.
 */
export async function sendAnswers(call: ServerCall, result: unknown): Promise<void> {
  const items = iteratorOf(result);
  await new Promise<unknown>((resolve, reject) => new AnswerSender(call, items, resolve, reject).run());
}

/** One stream of answers. Driven by callbacks: an asynchronous function takes a sixth longer for each item. */
class AnswerSender {
  readonly #call: ServerCall;
  readonly #link: CallerLink;
  readonly #items: Items;
  readonly #answer: OutgoingAnswer;
  readonly #resolve: (left: unknown) => void;
  readonly #reject: (error: unknown) => void;
  /** Credit only grows: what it was known to be is enough until it is used up. */
  #credit: number;
  #atOnce = 0;
  readonly #take = (next: IteratorResult<unknown>): void => {
    try {
      if (this.#accept(next)) this.#pull();
    } catch (error) {
      this.#abandon(error);
    }
  };

  constructor(
    call: ServerCall,
    items: Items,
    resolve: (left: unknown) => void,
    reject: (error: unknown) => void,
  ) {
    this.#call = call;
    this.#link = call.link as CallerLink;
    this.#items = items;
    this.#answer = emptyAnswer(callLayout.ANSWER_ITEM, call);
    this.#answer.codec = call.method.output.codec;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#credit = call.sent;
  }

  /** Whether its items are of no use any more. */
  get #isOver(): boolean {
    return this.#call.isCancelled || this.#link.state !== 'ready';
  }

  /** Goes on until something has to be waited for. */
  readonly run = (): void => {
    try {
      this.#pull();
    } catch (error) {
      this.#abandon(error);
    }
  };

  #pull(): void {
    for (;;) {
      if (this.#isOver) {
        this.#leave();
        return;
      }
      if (!this.#hasCredit()) {
        this.#goOnAfter(this.#awaitCredit());
        return;
      }
      let pulled: IteratorResult<unknown> | PromiseLike<IteratorResult<unknown>>;
      try {
        pulled = this.#items.next();
      } catch (error) {
        this.#reject(error);
        return;
      }
      if (isPromise(pulled)) {
        Promise.resolve(pulled).then(this.#take, this.#reject);
        return;
      }
      if (!this.#accept(pulled)) return;
    }
  }

  /** Sends an item, and says whether the next one may be asked for at once. */
  #accept(next: IteratorResult<unknown>): boolean {
    if (next.done === true) {
      this.#resolve(undefined);
      return false;
    }
    // A generator that waits for something else learns of a cancellation by its signal; here it ends at its `yield`.
    if (this.#isOver) {
      this.#leave();
      return false;
    }
    const call = this.#call;
    const answer = this.#answer;
    answer.value = next.value;
    let parked: Promise<unknown> | undefined;
    try {
      parked = this.#link.send(answer);
    } catch (error) {
      throw misfit(error);
    }
    call.sent = (call.sent + answer.cost) | 0;
    atStep?.('server: item sent');
    if (parked === undefined) {
      if (++this.#atOnce % ITEMS_AT_ONCE !== 0) return true;
      parked = timers.nextTurn();
    }
    this.#goOnAfter(parked);
    return false;
  }

  #goOnAfter(waiting: Promise<unknown>): void {
    waiting.then(this.run, (error) => this.#abandon(error));
  }

  #hasCredit(): boolean {
    const { cell, sent } = this.#call;
    if (((this.#credit - sent) | 0) > 0) return true;
    this.#credit = this.#link.cells.creditOf(cell, 'answers');
    return ((this.#credit - sent) | 0) > 0;
  }

  /** Waits until the caller permits an item, or the call is over. */
  async #awaitCredit(): Promise<void> {
    const call = this.#call;
    const { cells } = this.#link;
    while (!this.#isOver) {
      cells.awaitCredit(call.cell, 'answers');
      // SYNC: credit. Loaded again after the bit was set.
      if (cells.hasCredit(call.cell, 'answers', call.sent)) {
        cells.endWait(call.cell, 'answers');
        return;
      }
      await new Promise<void>((resolve) => {
        call.wake = resolve;
      });
      call.wake = undefined;
    }
  }

  /** No more items are wanted. */
  #leave(): void {
    try {
      this.#resolve(this.#items.return?.());
    } catch (error) {
      this.#reject(error);
    }
  }

  /** The stream fails by that; what its source says to its end does not matter then. */
  #abandon(error: unknown): void {
    const fail = () => this.#reject(error);
    try {
      Promise.resolve(this.#items.return?.()).then(fail, fail);
    } catch {
      fail();
    }
  }
}

function iteratorOf(value: unknown): Items {
  const source = Object(value) as Partial<AsyncIterable<unknown> & Iterable<unknown>>;
  const iterator = source[Symbol.asyncIterator]?.() ?? source[Symbol.iterator]?.();
  if (iterator === undefined) throw new TypeError('the handler of a stream must return an iterable');
  return iterator;
}
