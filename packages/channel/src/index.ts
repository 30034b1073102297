export { Channel, defineChannel } from './channel.js';
export { now } from './clock.js';
export {
  type ChannelOptions,
  type CommonChannelOptions,
  KiB,
  MiB,
  type ShapedChannelOptions,
} from './definition.js';
export { ChannelError, type ChannelErrorCode } from './errors.js';
export { Publisher, type PublisherOptions, type WaitOptions } from './publisher.js';
export type { PublishOutcome } from './publishing/outbox.js';
export { Subscriber } from './subscriber.js';
export type { CloseReason, Gap, Message, MessageMeta, Slow, SubscriberEvents } from './subscriber-events.js';
export type { Start, SubscriberOptions } from './subscriber-options.js';
