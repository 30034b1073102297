import type { SubscriberJoined, SubscriberLeft } from '../endpoint/delivery.js';

/** How a publisher ended: `local`, by its own program. */
export interface PublisherCloseInfo {
  readonly reason: 'local';
}

/** Events of a publisher. They do not keep the process alive. */
export interface PublisherEvents {
  /** A subscriber has joined since the first listener to this event, or to `subscriberLeft`, was added. */
  subscriberJoined: [subscriber: SubscriberJoined];
  /**
   * A subscriber has left, died or been disconnected. Of those that came and went between two looks nothing is said.
   */
  subscriberLeft: [subscriber: SubscriberLeft];
}

/** The name of an event of a publisher. */
export type PublisherEvent = keyof PublisherEvents;

/** What listens to an event of a publisher. */
export type PublisherListener<E extends PublisherEvent> = (...args: PublisherEvents[E]) => void;

const EVENTS: Readonly<Record<PublisherEvent, true>> = {
  subscriberJoined: true,
  subscriberLeft: true,
};

/** The names of all events. */
export const publisherEvents: readonly PublisherEvent[] = Object.keys(EVENTS) as PublisherEvent[];
