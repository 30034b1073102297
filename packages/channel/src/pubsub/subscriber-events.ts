import type {
  Gap,
  Message,
  PublisherJoined,
  PublisherLeft,
  PublishersGone,
  Slow,
} from '../endpoint/delivery.js';
import type { ChannelError } from '../foundation/errors.js';

/**
 * Why a subscription ended:
 * - `local`: closed by its own program.
 * - `left`, `died`: the last publisher did, and `closeWithPublishers` was set.
 * - `timeout`: no publisher came within the `timeout` of `closeWithPublishers`.
 * - `disconnected`: a publisher with `slowSubscribers: 'disconnect'` gave the subscriber up, because it was too slow.
 * - `corrupted`: the shared memory makes no sense any more.
 */
export type CloseReason = 'local' | 'left' | 'died' | 'timeout' | 'disconnected' | 'corrupted';

/** How a subscription ended. */
export interface CloseInfo {
  readonly reason: CloseReason;
}

/** Events of a subscriber. */
export interface SubscriberEvents<T> {
  /** A message arrived. */
  message: [message: Message<T>];
  /** Messages were lost: a lossy subscriber was too slow, or they were gone already where it was to begin. */
  gap: [gap: Gap];
  /**
   * The subscriber is far behind: publishers will soon have to wait for it, or overwrite what it has not read. Comes
   * again only after it has caught up by half.
   */
  slow: [slow: Slow];
  /**
   * A message could not be decoded, or the memory makes no sense: without a listener the error is thrown instead. With the
   * code `NAMES_REMOVED`, the files were removed by which others wake this subscriber, or find the channel: it goes on, and
   * looks by itself from then on, each 50 ms.
   */
  error: [error: ChannelError];
  /** A publisher has joined, while messages were taken. Those that were there before are not told of. */
  publisherJoined: [publisher: PublisherJoined];
  /**
   * A publisher has left or died, while messages were taken. Everything that it published before has been delivered. Of those
   * that came and went between two looks nothing is said.
   */
  publisherLeft: [publisher: PublisherLeft];
  /**
   * The channel has no publisher any more. Everything published before has been delivered. Not the end: another publisher may
   * come, and the subscription goes on.
   */
  publishersGone: [gone: PublishersGone];
  /** The subscription has ended. Comes once, last. */
  close: [info: CloseInfo];
}

/** The name of an event of a subscriber. */
export type SubscriberEvent = keyof SubscriberEvents<unknown>;

/** What listens to an event of a subscriber. */
export type SubscriberListener<T, E extends SubscriberEvent> = (...args: SubscriberEvents<T>[E]) => void;

const EVENTS: Readonly<Record<SubscriberEvent, true>> = {
  message: true,
  gap: true,
  slow: true,
  error: true,
  publisherJoined: true,
  publisherLeft: true,
  publishersGone: true,
  close: true,
};

/** The names of all events. */
export const subscriberEvents: readonly SubscriberEvent[] = Object.keys(EVENTS) as SubscriberEvent[];
