import { type Channel, defineChannel, type Publisher, type Subscriber } from '@mmfbus/channel';
import { raw } from '@mmfbus/codec';
import { type Quote, quoteShape } from '../messages/quote.js';

const MiB = 2 ** 20;

const CAPACITY: number = 8 * MiB;
/** Bytes of a frame's header; see FORMAT.md. */
const HEADER_LENGTH = 24;

/** A message whose frame has 64 bytes. */
export const frameOf64: Uint8Array = new Uint8Array(64 - HEADER_LENGTH).fill(7);

/** A channel of bytes, which subscribers get as views. */
export function bytesChannel(name: string, capacity: number = CAPACITY): Channel<Uint8Array> {
  return defineChannel<Uint8Array>({ name, capacity, codec: raw({ copy: false }) });
}

/** A channel of the object of the comparison, with its shape. */
export function quoteChannel(name: string): Channel<Quote> {
  return defineChannel({ name, capacity: CAPACITY, schema: quoteShape });
}

/** Publishes without ever sleeping: the other side looks all the time. */
export function publishSoon<T>(publisher: Publisher<T>, message: T): void {
  while (publisher.tryPublish(message) !== 'published');
}

/** Takes the next message, looking for it without a pause. */
export function takeOne<T>(subscriber: Subscriber<T>): void {
  while (subscriber.poll(ignore, 1) === 0);
}

/** Takes that many messages, looking for them without a pause. */
export function takeMany<T>(subscriber: Subscriber<T>, messages: number): void {
  let taken = 0;
  while (taken < messages) taken += subscriber.poll(ignore, messages - taken);
}

/** For messages that only have to arrive. */
export function ignore(): void {}
