import { raw } from '@mmfbus/codec';
import { describe, expect, it } from 'vitest';
import { codeOf, define, fill, publisherOf, subscriberOf } from '../support/channels.js';
import { ownDirectory } from '../support/own-directory.js';

ownDirectory('publishing');

describe('publishing', () => {
  it('says which number a message got, also one that waited, one of several, and one that was split', async () => {
    const channel = define<Uint8Array>({ codec: raw() });
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    expect(publisher.sequence).toBe(0);
    expect(await publisher.publish(new Uint8Array(8))).toBe(1);
    expect(await publisher.publishAll([new Uint8Array(8), new Uint8Array(8)])).toBe(2);
    let count = 3;
    while (publisher.tryPublish(new Uint8Array(900)) === 'published') count++;
    expect(publisher.sequence).toBe(count);
    const waiting = [publisher.publish(new Uint8Array(900)), publisher.publish(new Uint8Array(10_000))];
    subscriber.on('message', () => {});
    expect(await Promise.all(waiting)).toEqual([count + 1, count + 2]);
    expect(await publisher.publishAll([])).toBe(0);
  });

  it('is tried before the promise is returned', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const published = publisher.publish(1);
    expect(subscriber.poll(() => {})).toBe(1);
    await published;
  });

  it('keeps so many bytes in line, or one message, and refuses more', async () => {
    const channel = define<Uint8Array>({ codec: raw() });
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel, { maxWaiting: 1000 });
    while (publisher.tryPublish(new Uint8Array(900)) === 'published');
    const large = publisher.publish(new Uint8Array(5000));
    await expect(publisher.publish(new Uint8Array(1))).rejects.toThrow(
      /5000 bytes wait to be published; with 1 more that would be above maxWaiting, 1000/,
    );
    expect(await codeOf(() => publisher.publishAll([new Uint8Array(1)]))).toBe('BACKLOG');
    subscriber.on('message', () => {});
    await large;
    await publisher.publish(new Uint8Array(1));
  });

  it('tells how many subscribers there are', async () => {
    const channel = define();
    const publisher = await publisherOf(channel);
    expect(publisher.subscriberCount).toBe(0);
    const lossy = await subscriberOf(channel, { delivery: 'lossy' });
    await subscriberOf(channel);
    expect(publisher.subscriberCount).toBe(2);
    await lossy.close();
    expect(publisher.subscriberCount).toBe(1);
    await publisher.close();
    expect(publisher.subscriberCount).toBe(0);
  });
});

describe('flush', () => {
  it('waits for who was there in its turn, and for what was published by then', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    publisher.tryPublish(1);
    const flushed = publisher.flush();
    // Neither who comes later nor what is published later is waited for.
    const later = await subscriberOf(channel, { start: 'earliest' });
    publisher.tryPublish(2);
    subscriber.poll(() => {}, 1);
    await flushed;
    expect(publisher.isOpen).toBe(true);
    expect(await codeOf(() => publisher.flush({ timeout: 1 }))).toBe('TIMEOUT');
    subscriber.poll(() => {});
    later.poll(() => {});
    await publisher.flush();
  });

  it('comes behind what waits for room, and keeps nothing else waiting', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const last = fill(publisher);
    const waiting = publisher.publish(last);
    const flushed = publisher.flush();
    const received: number[] = [];
    subscriber.poll(({ value }) => received.push(value));
    await waiting;
    // It waits for the subscriber only: there is room.
    expect(publisher.tryPublish(last + 1)).toBe('published');
    subscriber.poll(({ value }) => received.push(value), 1);
    await flushed;
    expect(received.at(-1)).toBe(last);
  });

  it('does not wait for subscribers that leave', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    publisher.tryPublish(1);
    const flushed = publisher.flush();
    await subscriber.close();
    await flushed;
  });
});

describe('drain of a publisher', () => {
  it('accepts nothing more, unless its time is over', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    publisher.tryPublish(1);
    const drained = publisher.drain({ timeout: 1 });
    expect(await codeOf(() => publisher.tryPublish(2))).toBe('CLOSED');
    expect(await codeOf(() => publisher.publish(2))).toBe('CLOSED');
    expect(await codeOf(() => drained)).toBe('TIMEOUT');
    expect(publisher.tryPublish(2)).toBe('published');
    const again = publisher.drain();
    subscriber.on('message', () => {});
    await again;
    expect(await publisher.closed).toEqual({ reason: 'local' });
  });
});

describe('close of a publisher', () => {
  it('publishes what waits for room', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const last = fill(publisher);
    const waiting = [publisher.publish(last), publisher.publish(last + 1)];
    const closed = publisher.close();
    expect(await codeOf(() => publisher.publish(0))).toBe('CLOSED');
    const received: number[] = [];
    subscriber.on('message', ({ value }) => received.push(value));
    await Promise.all([...waiting, closed]);
    await subscriber.drain();
    expect(received.slice(-2)).toEqual([last, last + 1]);
  });

  it('fails what waits for room when its time is over, which may be at once', async () => {
    for (const timeout of [0, 1]) {
      const channel = define();
      await subscriberOf(channel);
      const publisher = await publisherOf(channel);
      const waiting = publisher.publish(fill(publisher));
      await Promise.all([
        expect(waiting).rejects.toMatchObject({ code: 'CLOSED' }),
        publisher.close({ timeout }),
      ]);
    }
  });
});

describe('a subscriber', () => {
  it('tells how far it is, what it did, and why it ended', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    expect([subscriber.sequence, subscriber.lag]).toEqual([0, 0]);
    for (let value = 1; value <= 3; value++) publisher.tryPublish(value);
    expect([subscriber.sequence, subscriber.lag]).toEqual([0, 96]);
    subscriber.poll(() => {}, 1);
    expect([subscriber.sequence, subscriber.lag]).toEqual([1, 64]);
    const iterator = subscriber[Symbol.asyncIterator]();
    await iterator.next();
    // It is in hand until the next one is asked for.
    expect(subscriber.sequence).toBe(1);
    await iterator.next();
    expect(subscriber.sequence).toBe(2);
    await iterator.return();
    expect([subscriber.sequence, subscriber.lag]).toEqual([3, 0]);
    expect(subscriber.counters).toMatchObject({ messages: 3, bytes: 3 });
    await subscriber.close();
    expect(await subscriber.closed).toEqual({ reason: 'local' });
    expect(subscriber.counters).toMatchObject({ messages: 3, bytes: 3 });
    expect([subscriber.sequence, subscriber.lag]).toEqual([3, 0]);
  });

  it('tells handlers how far it is without the message in hand, also when they throw or close', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const publishFive = () => publisher.tryPublishAll([1, 2, 3, 4, 5]);
    const where = () => [subscriber.sequence, subscriber.position.sequence, subscriber.lag];
    const seen: unknown[] = [];
    publishFive();
    subscriber.poll(({ sequence }) => seen.push([sequence, ...where()]));
    expect(seen).toEqual(
      [1, 2, 3, 4, 5].map((number) => [number, number - 1, number - 1, 32 * (6 - number)]),
    );
    expect(where()).toEqual([5, 5, 0]);

    publishFive();
    const failing = ({ value }: { value: unknown }) => {
      if (value === 3) throw new Error('the third');
    };
    expect(() => subscriber.poll(failing)).toThrow('the third');
    expect(where()).toEqual([8, 8, 64]);
    expect(subscriber.poll(() => {}, 1)).toBe(1);
    expect(where()).toEqual([9, 9, 32]);
    expect(subscriber.poll(() => {})).toBe(1);

    publishFive();
    const closing = ({ value }: { value: unknown }) => {
      if (value === 3) void subscriber.close();
    };
    expect(subscriber.poll(closing)).toBe(3);
    // The third one is in hand still, and counts as taken.
    expect(where()).toEqual([12, 12, 0]);
    expect(subscriber.counters).toMatchObject({ messages: 13, bytes: 13 });
  });
});
