import { bytes, codecOf, raw } from '@mmfbus/codec';
import { describe, expect, it } from 'vitest';
import { codeOf, define, fill, publisherOf, subscriberOf } from '../support/channels.js';

describe('a batch', () => {
  it('is published in order, with consecutive numbers', async () => {
    const channel = define<unknown>();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const values = [1, 'two', { three: 3 }, [4], null];
    expect(publisher.tryPublishAll(values)).toBe('published');
    expect(publisher.tryPublishAll([])).toBe('published');
    expect(await publisher.publishAll([])).toBe(0);
    expect(publisher.tryPublish('after')).toBe('published');
    const received: [unknown, number][] = [];
    subscriber.poll(({ value, sequence }) => received.push([value, sequence]));
    expect(received).toEqual([...values, 'after'].map((value, index) => [value, index + 1]));
  });

  it('is published whole or not at all', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const count = fill(publisher);
    expect(subscriber.poll(() => {}, 2)).toBe(2);
    expect(publisher.tryPublishAll([1, 2, 3])).toBe('full');
    expect(publisher.tryPublishAll([1, 2])).toBe('published');
    expect(subscriber.poll(() => {})).toBe(count);
  });

  it('is seen by no participant when one of its values is refused', async () => {
    const channel = define<unknown>();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    expect(await codeOf(() => publisher.tryPublishAll([1, () => {}, 3]))).toBe('UNENCODABLE');
    expect(await codeOf(() => publisher.tryPublishAll([1, 'x'.repeat(1001)]))).toBe('TOO_LARGE');
    expect(subscriber.poll(() => {})).toBe(0);
  });

  it('of bytes is refused as any other', async () => {
    const channel = define<Uint8Array>({ codec: raw() });
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const small = new Uint8Array(8);
    const attempt = (values: unknown[]) => codeOf(() => publisher.tryPublishAll(values as Uint8Array[]));
    expect(await attempt([small, new Uint8Array(1001)])).toBe('TOO_LARGE');
    expect(await attempt(new Array(33).fill(small))).toBe('TOO_LARGE');
    expect(await attempt([small, 'text'])).toBe('UNENCODABLE');
    expect(subscriber.poll(() => {})).toBe(0);
  });

  it('takes at most a quarter of the ring', async () => {
    const channel = define();
    await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    expect(publisher.tryPublishAll(new Array(32).fill(1))).toBe('published');
    await expect(async () => publisher.tryPublishAll(new Array(33).fill(1))).rejects.toThrow(
      /the first 33 messages of the batch take 1056 bytes; a batch takes at most 1024/,
    );
  });

  it('may end anywhere in the memory to which it is encoded', async () => {
    const channel = define<Uint8Array>({ codec: codecOf(bytes()), capacity: 1 << 20 });
    const subscriber = await subscriberOf(channel);
    for (let length = 10_000; length < 10_032; length++) {
      const publisher = await channel.publisher();
      expect(publisher.tryPublishAll([new Uint8Array(length)])).toBe('published');
      await publisher.close();
    }
    const lengths: number[] = [];
    subscriber.poll(({ value }) => lengths.push(value.length));
    expect(lengths).toEqual(Array.from({ length: 32 }, (_, index) => 10_000 + index));
  });

  it('of values that do not fit into the first scratch passes unchanged', async () => {
    const channel = define<string>({ capacity: 1 << 20 });
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const values = Array.from({ length: 20 }, (_, index) =>
      String.fromCharCode(65 + index).repeat(997 * (index + 1)),
    );
    expect(publisher.tryPublishAll(values)).toBe('published');
    const received: string[] = [];
    subscriber.poll(({ value }) => received.push(value));
    expect(received).toEqual(values);
  });

  it('waits for room in its turn', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const count = fill(publisher);
    const waiting = [
      publisher.publishAll([1000, 1001, 1002]),
      publisher.publish(1003),
      publisher.publishAll([1004, 1005]),
    ];
    const received: number[] = [];
    for await (const { value } of subscriber) if (received.push(value) === count + 6) break;
    await Promise.all(waiting);
    expect(received.slice(count)).toEqual([1000, 1001, 1002, 1003, 1004, 1005]);
  });
});
