import type { ChannelError } from './errors.js';

/** What is known of a message beside its value. */
export interface MessageMeta {
  /** Number of the message in its channel, from 1 on, without holes. */
  readonly sequence: number;
  /**
   * When it was published: nanoseconds of the monotonic clock of the machine; see `now()`. 0 where its publisher does not
   * say: see `PublisherOptions.timestamps`.
   */
  readonly timestamp: number;
  /** Slot of its publisher in the channel. */
  readonly publisher: number;
}

/** A message, as iteration gives it. */
export interface Message<T> extends MessageMeta {
  readonly value: T;
}

/** Messages that were overwritten before a lossy subscriber took them. */
export interface Gap {
  /** Number of the first one. */
  readonly from: number;
  /** Number of the last one. */
  readonly to: number;
  /** How many. */
  readonly count: number;
}

/**
 * Why a subscription ended:
 * - `local`: closed by its own program.
 * - `closed`, `lost`: the last publisher left, or died, and `endWithPublishers` was set.
 * - `timeout`: no publisher came within the `timeout` of `endWithPublishers`.
 * - `disconnected`: a publisher gave the subscriber up, because it was too slow for one with `whenFull: 'disconnect'`.
 * - `corrupted`: the shared memory makes no sense any more.
 */
export type CloseReason = 'local' | 'closed' | 'lost' | 'timeout' | 'disconnected' | 'corrupted';

/** How far behind a subscriber is. */
export interface Slow {
  /** Bytes of the ring that it has not read yet. */
  readonly lag: number;
  /** Bytes of the ring. */
  readonly capacity: number;
}

/** Events of a subscriber. */
export interface SubscriberEvents<T> {
  /** A message arrived. */
  message: [value: T, meta: MessageMeta];
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
  /**
   * The channel has no publisher any more: the last one left (`closed`) or died (`lost`). Everything published before
   * has been delivered. Not the end: another publisher may come, and the subscription goes on.
   */
  closed: [info: { readonly reason: 'closed' | 'lost' }];
  /** The subscription has ended. Comes once, last. */
  close: [info: { readonly reason: CloseReason }];
}
