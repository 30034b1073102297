export { Bus, type BusOptions, type BusWatchOptions, openBus } from './bus/bus.js';
export type {
  BusChange,
  ChannelInfo,
  ParticipantInfo,
  ParticipantRole,
} from './bus/channel-info.js';
export type { DirectoryError } from './bus/directory-error.js';
export { Channel, defineChannel } from './channel.js';
export { now } from './clock.js';
export {
  type AnyChannelOptions,
  type ChannelOptions,
  type CommonChannelOptions,
  KiB,
  MiB,
  type ShapedChannelOptions,
} from './definition.js';
export { ChannelError, type ChannelErrorCode } from './errors.js';
export type { JoinOptions } from './join-options.js';
export type { MessageIterator } from './message-iterator.js';
export type { ParticipantCounters } from './participants/counters.js';
export { Publisher, type PublisherOptions, type WaitOptions } from './publisher.js';
export type { PublishOutcome } from './publishing/outbox.js';
export { Subscriber } from './subscriber.js';
export type { CloseReason, Gap, Message, MessageMeta, Slow, SubscriberEvents } from './subscriber-events.js';
export type { DrainOptions, Start, SubscriberOptions } from './subscriber-options.js';
