export { type Bus, type BusOptions, type BusWatchOptions, openBus } from './bus/bus.js';
export type { Observed, ObservedLife, ObservedMessage, ObservedTrouble } from './bus/observed.js';
export type { ObserveOptions, Observer } from './bus/observer.js';
export { type Channel, defineChannel } from './channel.js';
export type {
  BusChange,
  ChannelInfo,
  ParticipantInfo,
  ParticipantRole,
} from './directory/channel-info.js';
export type { DirectoryFailure } from './directory/directory-failure.js';
export type { PublishOutcome } from './endpoint/appender.js';
export type {
  Gap,
  Message,
  PublisherJoined,
  PublisherLeft,
  PublishersGone,
  Slow,
  SubscriberJoined,
  SubscriberLeft,
} from './endpoint/delivery.js';
export type { Position } from './endpoint/position.js';
export type { Start, StartAfter } from './endpoint/start.js';
export type {
  AnyChannelOptions,
  AnySchemaChannelOptions,
  ChannelOptions,
  CommonChannelOptions,
  SchemaChannelOptions,
} from './format/definition.js';
export { monotonicNow } from './foundation/clock.js';
export { ChannelError, type ChannelErrorCode } from './foundation/errors.js';
export type { ParticipantCounters } from './membership/counters.js';
export type { JoinLimits, JoinOptions } from './pubsub/join-options.js';
export type { MessageIterator } from './pubsub/message-iterator.js';
export type { Publisher, PublisherOptions, WaitOptions } from './pubsub/publisher.js';
export type {
  PublisherCloseInfo,
  PublisherEvent,
  PublisherEvents,
  PublisherListener,
} from './pubsub/publisher-events.js';
export type { Subscriber } from './pubsub/subscriber.js';
export type {
  CloseInfo,
  CloseReason,
  SubscriberEvent,
  SubscriberEvents,
  SubscriberListener,
} from './pubsub/subscriber-events.js';
export type { DrainOptions, SubscriberOptions } from './pubsub/subscriber-options.js';
