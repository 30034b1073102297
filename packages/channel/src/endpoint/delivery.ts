/** A message, as a subscriber gets it. */
export interface Message<T> {
  readonly value: T;
  /** Its number in the channel, from 1 on, without holes. */
  readonly sequence: number;
  /**
   * When it was published: nanoseconds of the monotonic clock of the machine; see `monotonicNow()`. 0 where its publisher
   * does not say: see `PublisherOptions.timestamps`.
   */
  readonly timestamp: number;
  /** Slot of its publisher in the channel. */
  readonly publisher: number;
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

/** How far behind a subscriber is. */
export interface Slow {
  /** Bytes of the ring that it has not read yet. */
  readonly lag: number;
  /** Bytes of the ring. */
  readonly capacity: number;
}

/** How the last publisher of a channel went. */
export interface PublishersGone {
  /** It left, or it died. */
  readonly reason: 'left' | 'died';
}
