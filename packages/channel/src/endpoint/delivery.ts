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

/** A publisher that has joined a channel. */
export interface PublisherJoined {
  /** Its slot in the channel, as messages name it. */
  readonly slot: number;
  /** The name it gave itself, or ''. Control characters are shown as escapes. */
  readonly name: string;
  /** Process id in its own PID namespace; 0 while it is not known. */
  readonly pid: number;
}

/** A publisher that is one no longer. */
export interface PublisherLeft extends PublisherJoined {
  /** `unknown` where several participants had its slot, one after the other, between two looks. */
  readonly reason: 'left' | 'died' | 'unknown';
  /** How many publishers the channel had at that look. */
  readonly remaining: number;
}

/** A subscriber that has joined a channel. */
export interface SubscriberJoined {
  /** Its slot in the channel. */
  readonly slot: number;
  /** The name it gave itself, or ''. Control characters are shown as escapes. */
  readonly name: string;
  /** Process id in its own PID namespace; 0 while it is not known. */
  readonly pid: number;
  /** Whether publishers wait for it. */
  readonly delivery: 'reliable' | 'lossy';
}

/** A subscriber that is one no longer. */
export interface SubscriberLeft extends SubscriberJoined {
  /**
   * `disconnected`: a publisher gave it up, because it was too slow. `unknown` where several participants had its slot, one
   * after the other, between two looks.
   */
  readonly reason: 'left' | 'died' | 'disconnected' | 'unknown';
  /** How many subscribers the channel had at that look. */
  readonly remaining: number;
}

/** How the last publisher of a channel went. */
export interface PublishersGone {
  /** It left, or it died. */
  readonly reason: 'left' | 'died';
}
