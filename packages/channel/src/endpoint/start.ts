import { ChannelError } from '../foundation/errors.js';
import type { ChannelMemory } from '../membership/channel-memory.js';
import type { Position } from './position.js';

/** A subscription that goes on where another one was. */
export interface StartAfter {
  /** Begins with the message after this one. */
  readonly after: Position;
  /**
   * Where to begin when the position is of another life of the channel, of which nothing is left; `error` refuses to join
   * then, with `OTHER_INCARNATION`. Defaults to `error`.
   */
  readonly otherwise?: 'error' | 'earliest' | 'latest' | undefined;
}

/** Where a subscription begins; see `SubscriberOptions.start`. */
export type Start = 'latest' | 'earliest' | 'history' | StartAfter;

/** Where a subscription begins in a channel. */
export interface Beginning {
  /** Number of the first message that is wanted. */
  readonly first: number;
  /** Whether all from there on are owed: those that are gone already are a gap. */
  readonly owesAll: boolean;
}

/**
 * Finds out where a subscription begins.
 *
 * @param next number of the next message that is published.
 * @throws {@link ChannelError} `OTHER_INCARNATION` or `SEQUENCE_AHEAD`.
 */
export function beginningOf(
  start: Start,
  { name, incarnation, geometry }: ChannelMemory,
  next: number,
): Beginning {
  if (start === 'latest') return { first: next, owesAll: false };
  if (start === 'earliest') return { first: 0, owesAll: false };
  if (start === 'history') return { first: Math.max(0, next - geometry.history), owesAll: false };
  const { after, otherwise = 'error' } = start;
  if (after.incarnation !== incarnation) {
    if (otherwise !== 'error') return { first: otherwise === 'latest' ? next : 0, owesAll: false };
    const text =
      `it was to begin after message ${after.sequence} of its incarnation ${after.incarnation}, ` +
      `of which nothing is left: this one is ${incarnation}`;
    throw new ChannelError('OTHER_INCARNATION', name, text);
  }
  if (after.sequence >= next) {
    const text = `it was to begin after message ${after.sequence}; the last one published is ${next - 1}`;
    throw new ChannelError('SEQUENCE_AHEAD', name, text);
  }
  return { first: after.sequence + 1, owesAll: true };
}
