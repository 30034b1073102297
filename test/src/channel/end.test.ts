import { describe, expect, it } from 'vitest';
import { codeOf, define, fill, publisherOf, subscriberOf } from '../support/channels.js';

describe('the end', () => {
  it('reaches subscribers after the last message, and is not final', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const events: unknown[] = [];
    subscriber.on('publishersGone', (info) => events.push(info));
    const seen = new Promise<void>((resolve) => {
      subscriber.on('message', ({ value }) => {
        events.push(value);
        if (value === 2) resolve();
      });
    });
    const first = await channel.publisher();
    first.tryPublish(1);
    await first.close();
    const closed = new Promise<void>((resolve) => subscriber.once('publishersGone', () => resolve()));
    await closed;
    const second = await publisherOf(channel);
    second.tryPublish(2);
    await seen;
    expect(events).toEqual([1, { reason: 'left' }, 2]);
  });

  it('comes with the last of several publishers only', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel, { closeWithPublishers: true });
    const first = await channel.publisher();
    const second = await channel.publisher();
    await first.close();
    second.tryPublish(1);
    await second.close();
    const received: number[] = [];
    for await (const { value } of subscriber) received.push(value);
    expect(received).toEqual([1]);
    expect(subscriber.isOpen).toBe(false);
  });

  it('is local where the program closes, once, also twice', async () => {
    const subscriber = await subscriberOf(define());
    const reasons: string[] = [];
    subscriber.on('close', ({ reason }) => reasons.push(reason));
    await subscriber.close();
    await subscriber.close();
    expect(reasons).toEqual(['local']);
    expect(await codeOf(() => subscriber.poll(() => {}))).toBe('CLOSED');
  });

  it('of an iteration that waits comes with close', async () => {
    const subscriber = await subscriberOf(define());
    const next = subscriber[Symbol.asyncIterator]().next();
    await subscriber.close();
    expect(await next).toEqual({ done: true, value: undefined });
  });

  it('by drain delivers what was there', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    publisher.tryPublish(1);
    publisher.tryPublish(2);
    const received: number[] = [];
    subscriber.on('message', ({ value }) => received.push(value));
    await subscriber.drain();
    expect(received).toEqual([1, 2]);
    expect(subscriber.isOpen).toBe(false);
  });

  it('rejects what waits to be published', async () => {
    const channel = define();
    await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    fill(publisher);
    const waiting = [publisher.publish(1), publisher.publish(2), publisher.drain()];
    await publisher.close();
    for (const one of waiting) await expect(one).rejects.toMatchObject({ code: 'CLOSED' });
    expect(await codeOf(() => publisher.publish(1))).toBe('CLOSED');
    expect(await codeOf(() => publisher.drain())).toBe('CLOSED');
  });

  it('comes with the scope that declared it', async () => {
    const channel = define();
    {
      await using subscriber = await channel.subscriber();
      await using publisher = await channel.publisher();
      expect([subscriber.channel, publisher.channel]).toEqual([channel.name, channel.name]);
    }
    expect(await codeOf(() => channel.subscriber({ open: 'open' }))).toBe('NOT_FOUND');
  });
});

describe('ending with the publishers', () => {
  it('waits for those that are there when the last message was taken', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel, { closeWithPublishers: true });
    const first = await channel.publisher();
    first.tryPublish(1);
    await first.close();
    const second = await channel.publisher();
    const seen: number[] = [];
    const ended = new Promise<void>((resolve) => subscriber.on('close', () => resolve()));
    subscriber.on('message', ({ value }) => {
      seen.push(value);
      // Between its message and the end that waits behind it.
      if (value === 1) second.tryPublish(2);
      else void second.close();
    });
    await ended;
    expect(seen).toEqual([1, 2]);
  });

  it('gives up on a first publisher that does not come', async () => {
    const subscriber = await subscriberOf(define(), { closeWithPublishers: { timeout: 20 } });
    const reason = await new Promise((resolve) => {
      subscriber.on('close', (info) => resolve(info.reason));
    });
    expect(reason).toBe('timeout');
  });

  it('waits for as long as it takes for one that has come', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel, { closeWithPublishers: { timeout: 20 } });
    const publisher = await channel.publisher();
    const received: number[] = [];
    const reading = (async () => {
      for await (const { value } of subscriber) received.push(value);
    })();
    await new Promise((resolve) => setTimeout(resolve, 60));
    await publisher.publish(1);
    await publisher.close();
    await reading;
    expect(received).toEqual([1]);
  });

  it('refuses an invalid timeout', async () => {
    const subscriber = define().subscriber({ closeWithPublishers: { timeout: -1 } });
    expect(await codeOf(() => subscriber)).toBe('INVALID_ARGUMENT');
  });
});
