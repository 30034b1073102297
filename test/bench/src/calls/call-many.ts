import { makeQuote } from '../messages/quote.js';
import type { CallClient } from './call-peer.js';
import { worthOf } from './worth.js';

/**
 * Calls with the numbers from one up to, not including, another, so many at once.
 *
 * @returns how long each call took, nanoseconds.
 * @throws when an answer is wrong.
 */
export async function callMany(
  client: Pick<CallClient, 'call'>,
  atOnce: number,
  from: number,
  to: number,
): Promise<number[]> {
  const times: number[] = [];
  let next = from;
  const callInTurn = async () => {
    const quote = makeQuote();
    while (next < to) {
      quote.id = next++;
      const sent = performance.now();
      const answer = await client.call(quote);
      times.push((performance.now() - sent) * 1e6);
      if (answer !== worthOf(quote)) throw new Error(`call ${quote.id} was answered with ${answer}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, callInTurn));
  return times;
}
