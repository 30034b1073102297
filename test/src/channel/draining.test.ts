import { describe, expect, it } from 'vitest';
import { codeOf, define, publisherOf, subscriberOf } from '../support/channels.js';

describe('draining a subscriber', () => {
  it('settles each call when it is called twice', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    publisher.tryPublish(1);
    const received: number[] = [];
    subscriber.on('message', ({ value }) => received.push(value));
    await Promise.all([subscriber.drain(), subscriber.drain()]);
    await subscriber.drain();
    expect(received).toEqual([1]);
  });

  it('ends when its listener is removed', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    publisher.tryPublish(1);
    const listener = () => {};
    subscriber.on('message', listener);
    const drained = subscriber.drain();
    subscriber.off('message', listener);
    await drained;
    expect(subscriber.isOpen).toBe(false);
    const other = await subscriberOf(channel);
    publisher.tryPublish(2);
    other.on('message', listener);
    const all = other.drain();
    other.off('message', listener);
    await all;
  });

  it('ends when its listener wanted one message only, after that one', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    for (const value of [1, 2, 3]) publisher.tryPublish(value);
    const seen: unknown[] = [];
    subscriber.once('message', ({ value }) => seen.push(value));
    subscriber.on('close', ({ reason }) => seen.push(reason));
    await subscriber.drain();
    expect(seen).toEqual([1, 'local']);
  });

  it('closes at once after a loop was left', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    for (const value of [1, 2, 3]) publisher.tryPublish(value);
    for await (const _ of subscriber) break;
    await subscriber.drain();
    expect(subscriber.isOpen).toBe(false);
  });

  it('ends when the loop is left meanwhile', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    for (const value of [1, 2, 3]) publisher.tryPublish(value);
    let drained: Promise<void> | undefined;
    for await (const _ of subscriber) {
      drained = subscriber.drain();
      break;
    }
    await drained;
    expect(subscriber.isOpen).toBe(false);
  });

  it('lets a loop go on to the last message before it, handled, and end', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    for (const value of [1, 2, 3]) publisher.tryPublish(value);
    const seen: unknown[] = [];
    let drained: Promise<unknown> | undefined;
    for await (const { value } of subscriber) {
      drained ??= subscriber.drain().then(() => seen.push('drained'));
      if (value === 1) publisher.tryPublish(4);
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(value);
    }
    await drained;
    expect(seen).toEqual([1, 2, 3, 'drained']);
  });

  it('gives up inside its own loop, and says why', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    publisher.tryPublish(1);
    const loop = async () => {
      for await (const _ of subscriber) await subscriber.drain({ timeout: 10 });
    };
    await expect(loop()).rejects.toMatchObject({ code: 'TIMEOUT', message: /message 1 in hand/ });
    expect(subscriber.isOpen).toBe(true);
  });

  it('waits on after a message was handled, and gives up when no other one is', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    for (const value of [1, 2, 3]) publisher.tryPublish(value);
    const iterator = subscriber[Symbol.asyncIterator]();
    await iterator.next();
    const drained = subscriber.drain({ timeout: 10 });
    await iterator.next();
    await expect(drained).rejects.toMatchObject({ code: 'TIMEOUT', message: /message 2 in hand/ });
    expect(await iterator.next()).toMatchObject({ value: { value: 3 } });
  });

  it('can be aborted, and is open then', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    publisher.tryPublish(1);
    const iterator = subscriber[Symbol.asyncIterator]();
    await iterator.next();
    const controller = new AbortController();
    const drained = subscriber.drain({ signal: controller.signal });
    controller.abort(new Error('mine'));
    await expect(drained).rejects.toThrow('mine');
    expect(subscriber.isOpen).toBe(true);
    await expect(subscriber.drain({ signal: controller.signal })).rejects.toThrow('mine');
    publisher.tryPublish(2);
    expect(await iterator.next()).toMatchObject({ value: { value: 2 } });
  });

  it('ends with close', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    publisher.tryPublish(1);
    const iterator = subscriber[Symbol.asyncIterator]();
    await iterator.next();
    const drained = subscriber.drain();
    await subscriber.close();
    await drained;
  });

  it('inside a handler of events delivers the rest', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    for (const value of [1, 2, 3]) publisher.tryPublish(value);
    const received: number[] = [];
    await new Promise<void>((resolve) => {
      subscriber.on('message', ({ value }) => {
        received.push(value);
        if (value === 1) void subscriber.drain().then(resolve);
      });
    });
    expect(received).toEqual([1, 2, 3]);
  });

  it('refuses an invalid timeout', async () => {
    const subscriber = await subscriberOf(define());
    expect(await codeOf(() => subscriber.drain({ timeout: -1 }))).toBe('INVALID_ARGUMENT');
  });
});

describe('closing inside a handler', () => {
  it('stops the delivery of events at once', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    for (let value = 1; value <= 60; value++) publisher.tryPublish(value);
    const seen: unknown[] = [];
    await new Promise<void>((resolve) => {
      subscriber.on('message', ({ value }) => {
        seen.push(value);
        if (value === 2) void subscriber.close().then(resolve);
      });
      subscriber.on('close', ({ reason }) => seen.push(reason));
    });
    expect(seen).toEqual([1, 2, 'local']);
  });

  it('stops it after a loop was left, too', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    for (let value = 1; value <= 60; value++) publisher.tryPublish(value);
    for await (const _ of subscriber) break;
    const seen: number[] = [];
    await new Promise<void>((resolve) => {
      subscriber.on('message', ({ value }) => {
        seen.push(value);
        void subscriber.close().then(resolve);
      });
    });
    expect(seen).toEqual([2]);
  });

  it('stops poll', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    for (let value = 1; value <= 60; value++) publisher.tryPublish(value);
    const seen: number[] = [];
    subscriber.poll(({ value }) => {
      seen.push(value);
      void subscriber.close();
    });
    expect(seen).toEqual([1]);
  });
});

describe('poll', () => {
  it('loses nothing when it has no handler, or an invalid limit', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    publisher.tryPublish(1);
    expect(await codeOf(() => subscriber.poll(undefined as never))).toBe('INVALID_ARGUMENT');
    expect(await codeOf(() => subscriber.poll(() => {}, Number.NaN))).toBe('INVALID_ARGUMENT');
    expect(await codeOf(() => subscriber.poll(() => {}, '1' as never))).toBe('INVALID_ARGUMENT');
    const received: number[] = [];
    subscriber.poll(({ value }) => received.push(value));
    expect(received).toEqual([1]);
  });
});
