import type { Quote } from '../messages/quote.js';

/** What every service of the comparison answers: a number that tells the calls apart, exact in a double. */
export function worthOf({ id, px, qty }: Quote): number {
  return id + px * qty;
}
