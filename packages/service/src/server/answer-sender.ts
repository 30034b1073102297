import { callLayout } from '@mmfbus/channel/internal';
import { timers } from '@mmfbus/core/internal';
import { isPromise } from '../foundation/promises.js';
import { atStep } from '../foundation/steps.js';
import { emptyAnswer, misfit } from './answers.js';
import type { CallerLink } from './caller-link.js';
import type { ServerCall } from './server-call.js';

/** Items of a stream that are sent without a turn of the event loop in between. */
const ITEMS_AT_ONCE = 512;

/**
 * Sends the stream of answers of a call, as far as the caller permits, and leaves it where the call is cancelled.
 *
 * @param result what the handler has returned.
 * @returns settles when the stream has ended.
 */
export async function sendAnswers(call: ServerCall, result: unknown): Promise<void> {
  const link = call.link as CallerLink;
  const iterator = iteratorOf(result);
  const answer = emptyAnswer(callLayout.ANSWER_ITEM, call);
  answer.codec = call.method.output.codec;
  let atOnce = 0;
  let isDone = false;
  // Credit only grows: what it was known to be is enough until it is used up.
  let credit = call.sent;
  // A generator that waits for something else learns of a cancellation by its signal; it ends at its next `yield`.
  try {
    for (;;) {
      if (((credit - call.sent) | 0) <= 0) {
        credit = link.cells.creditOf(call.cell, 'answers');
        if (((credit - call.sent) | 0) <= 0) await awaitCredit(call, link);
      }
      if (call.isCancelled) return;
      const pulled = iterator.next();
      // Each `await` costs a promise, which a source that has its items at hand does without.
      const next = isPromise(pulled) ? await pulled : pulled;
      isDone = next.done === true;
      if (isDone || call.isCancelled || link.state !== 'ready') return;
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

/** Waits until the caller permits an item. */
async function awaitCredit(call: ServerCall, link: CallerLink): Promise<void> {
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

function iteratorOf(value: unknown): AsyncIterator<unknown> | Iterator<unknown> {
  const source = Object(value) as Partial<AsyncIterable<unknown> & Iterable<unknown>>;
  const iterator = source[Symbol.asyncIterator]?.() ?? source[Symbol.iterator]?.();
  if (iterator === undefined) throw new TypeError('the handler of a stream must return an iterable');
  return iterator;
}
