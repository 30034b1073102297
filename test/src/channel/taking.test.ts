import { monotonicNow } from '@mmfbus/channel';
import { describe, expect, it } from 'vitest';
import { codeOf, define, publisherOf, subscriberOf } from '../support/channels.js';

describe('taking messages', () => {
  it('by events, with number, time and publisher', async () => {
    const channel = define<{ id: number }>();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const before = monotonicNow();
    const received = new Promise((resolve) => {
      subscriber.on('message', ({ value, ...meta }) => resolve({ value, meta }));
    });
    expect(publisher.tryPublish({ id: 7 })).toBe('published');
    const meta = { sequence: 1, publisher: 1, timestamp: expect.any(Number) };
    const message = (await received) as { meta: { timestamp: number } };
    expect(message).toEqual({ value: { id: 7 }, meta });
    expect(message.meta.timestamp).toBeGreaterThanOrEqual(before);
    expect(message.meta.timestamp).toBeLessThanOrEqual(monotonicNow());
  });

  it('by for await, in order, going on where a loop was left', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    for (let value = 1; value <= 30; value++) publisher.tryPublish(value);
    const received: number[] = [];
    for await (const { value } of subscriber) if (received.push(value) === 10) break;
    for await (const { value, sequence } of subscriber) {
      expect(sequence).toBe(value);
      if (received.push(value) === 30) break;
    }
    expect(received).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
  });

  it('by poll, as many as asked for', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    for (let value = 1; value <= 5; value++) publisher.tryPublish(value);
    const received: number[] = [];
    expect(subscriber.poll(({ value }) => received.push(value), 2)).toBe(2);
    expect(subscriber.poll(({ value }) => received.push(value))).toBe(3);
    expect(subscriber.poll(({ value }) => received.push(value))).toBe(0);
    expect(received).toEqual([1, 2, 3, 4, 5]);
  });

  it('by poll, all that was there, also what came after one with a limit', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const received: number[] = [];
    for (let value = 0; value < 50; value++) publisher.tryPublish(value);
    subscriber.poll(({ value }) => received.push(value), 2);
    for (let value = 50; value < 80; value++) publisher.tryPublish(value);
    expect(subscriber.poll(({ value }) => received.push(value))).toBe(78);
    expect(received).toEqual(received.map((_, index) => index));
  });

  it('by poll, what was there, not all that its handler publishes', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    publisher.tryPublish(0);
    const received: number[] = [];
    const goOn = ({ value }: { value: number }) => {
      if (received.push(value) > 1000) throw new Error('it does not end');
      publisher.tryPublish(value + 1);
    };
    for (let taken = 0; taken < 100; ) taken += subscriber.poll(goOn);
    expect(received).toEqual(received.map((_, index) => index));
  });

  it('by events, in a flood that does not end: the event loop has its turns', async () => {
    const channel = define({ capacity: 65_536 });
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    // More than are taken at a time, always.
    for (let value = 0; value < 600; value++) expect(publisher.tryPublish(value)).toBe('published');
    let next = 0;
    subscriber.on('message', ({ value }) => {
      expect(value).toBe(next++);
      // It ends, so that what does not hold is noticed.
      if (next < 1_000_000) publisher.tryPublish(value + 600);
    });
    for (let turns = 0; turns < 10 || next < 6000; turns++) await new Promise(setImmediate);
    expect(next).toBeLessThan(1_000_000);
  });

  it('takes a message that a handler threw on as taken', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    publisher.tryPublish(1);
    publisher.tryPublish(2);
    const thrower = () => {
      throw new Error('mine');
    };
    expect(() => subscriber.poll(thrower)).toThrow('mine');
    const received: number[] = [];
    subscriber.poll(({ value }) => received.push(value));
    expect(received).toEqual([2]);
  });

  it('one way at a time', async () => {
    const subscriber = await subscriberOf(define());
    subscriber.on('message', () => {});
    expect(await codeOf(() => subscriber.poll(() => {}))).toBe('IN_USE');
    expect(await codeOf(() => subscriber[Symbol.asyncIterator]().next())).toBe('IN_USE');
    const other = await subscriberOf(define());
    void other[Symbol.asyncIterator]().next();
    expect(await codeOf(() => other.on('message', () => {}))).toBe('IN_USE');
    expect(await codeOf(() => other.poll(() => {}))).toBe('IN_USE');
    const third = await subscriberOf(define());
    await (await publisherOf(define({ name: third.channel }))).publish(1);
    let inner = '';
    third.poll(() =>
      codeOf(() => third.poll(() => {})).then((code) => {
        inner = code;
      }),
    );
    await Promise.resolve();
    await Promise.resolve();
    expect(inner).toBe('IN_USE');
  });

  it('gives a listener of one message that one, and keeps the others', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    for (let value = 1; value <= 4; value++) publisher.tryPublish(value);
    const first = await new Promise((resolve) => subscriber.once('message', ({ value }) => resolve(value)));
    const second = await new Promise((resolve) => subscriber.once('message', ({ value }) => resolve(value)));
    for await (const { value } of subscriber) {
      expect(value).toBe(3);
      break;
    }
    const rest: unknown[] = [first, second];
    subscriber.poll(({ value }) => rest.push(value));
    expect(rest).toEqual([1, 2, 4]);
  });

  it('keeps what an iterator took ahead when a handler of poll throws', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    for (let value = 1; value <= 4; value++) publisher.tryPublish(value);
    for await (const _ of subscriber) break;
    const thrower = () => {
      throw new Error('mine');
    };
    expect(() => subscriber.poll(thrower)).toThrow('mine');
    const received: number[] = [];
    expect(subscriber.poll(({ value }) => received.push(value), 1)).toBe(1);
    expect(subscriber.poll(({ value }) => received.push(value))).toBe(1);
    expect(received).toEqual([3, 4]);
  });

  it('gets what is published after it joined, and nothing from before', async () => {
    const channel = define();
    const publisher = await publisherOf(channel);
    publisher.tryPublish(1);
    const subscriber = await subscriberOf(channel);
    publisher.tryPublish(2);
    const received: [number, number][] = [];
    subscriber.poll(({ value, sequence }) => received.push([value, sequence]));
    expect(received).toEqual([[2, 2]]);
  });
});
