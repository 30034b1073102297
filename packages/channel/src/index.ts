export { Bus, type BusOptions, type BusWatchOptions, openBus } from './bus/bus.js';
export type {
  BusChange,
  ChannelInfo,
  ParticipantCounters,
  ParticipantInfo,
  ParticipantRole,
} from './bus/channel-info.js';
export type { DirectoryError } from './bus/directory-error.js';
export { Channel, defineChannel } from './channel.js';
export { now } from './clock.js';
export { type ChannelOptions, KiB, MiB } from './definition.js';
export { ChannelError, type ChannelErrorCode } from './errors.js';
export { Publisher, type PublisherOptions, type PublishOutcome, type WaitOptions } from './publisher.js';
export { Subscriber } from './subscriber.js';
export type { CloseReason, Gap, Message, MessageMeta, SubscriberEvents } from './subscriber-events.js';
export type { SubscriberOptions } from './subscriber-options.js';
