import {
  type Channel,
  ChannelError,
  type ChannelOptions,
  defineChannel,
  type Publisher,
  type PublisherOptions,
  type Subscriber,
  type SubscriberOptions,
} from '@mmfbus/channel';
import { afterEach } from 'vitest';
import { uniqueName } from './unique-name.js';

const closers: (() => Promise<void>)[] = [];

/** A channel of a name of its own, with the smallest ring. */
export function define<T = number>(options: Partial<ChannelOptions<T>> = {}): Channel<T> {
  return defineChannel<T>({ name: uniqueName('channel'), capacity: 4096, ...options });
}

/** A publisher that is closed after the test. */
export async function publisherOf<T>(channel: Channel<T>, options?: PublisherOptions): Promise<Publisher<T>> {
  const publisher = await channel.publisher(options);
  closers.push(() => publisher.close());
  return publisher;
}

/** A subscriber that is closed after the test. */
export async function subscriberOf<T>(
  channel: Channel<T>,
  options?: SubscriberOptions,
): Promise<Subscriber<T>> {
  const subscriber = await channel.subscriber(options);
  closers.push(() => subscriber.close());
  return subscriber;
}

/** Code of the ChannelError that it throws. */
export async function codeOf(action: () => unknown): Promise<string> {
  try {
    await action();
  } catch (error) {
    if (error instanceof ChannelError) return error.code;
    throw error;
  }
  return 'no error';
}

/** Publishes until there is no room; returns the number of messages published. */
export function fill(publisher: Publisher<number>): number {
  let count = 0;
  while (publisher.tryPublish(count) === 'published') count++;
  return count;
}

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});
