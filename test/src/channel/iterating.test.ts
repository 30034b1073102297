import { once } from 'node:events';
import { Readable } from 'node:stream';
import type { Codec } from '@mmfbus/codec';
import { describe, expect, it } from 'vitest';
import { codeOf, define, publisherOf, subscriberOf } from '../support/channels.js';

/** Numbers in four bytes; those above 1000 are refused when they arrive. */
const picky: Codec<number> = {
  id: 'picky',
  encode: (value, target, offset) => {
    new DataView(target.buffer, target.byteOffset).setInt32(offset, value);
    return offset + 4;
  },
  decode: (source, start) => {
    const value = new DataView(source.buffer, source.byteOffset).getInt32(start);
    if (value > 1000) throw new Error(`${value} is more than 1000`);
    return value;
  },
};

describe('an iterator', () => {
  it('takes nothing ahead: a message is handled when the next one is asked for', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    for (let value = 1; value <= 50; value++) publisher.tryPublish(value);
    let handled = 0;
    let drained = -1;
    const draining = publisher.drain().then(() => {
      drained = handled;
    });
    for await (const { value } of subscriber) {
      await new Promise((resolve) => setImmediate(resolve));
      handled = value;
      if (value === 50) break;
    }
    await draining;
    expect(drained).toBe(50);
  });

  it('has handled what it has in hand when it is left', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    publisher.tryPublish(1);
    const iterator = subscriber[Symbol.asyncIterator]();
    expect(await iterator.next()).toMatchObject({ value: { value: 1 } });
    const drained = publisher.drain();
    expect(await Promise.race([drained.then(() => 'drained'), settled()])).toBe('not yet');
    await iterator.return();
    await drained;
  });

  it('ends what waits when it is returned, and swallows nothing', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const iterator = subscriber[Symbol.asyncIterator]();
    const waiting = [iterator.next(), iterator.next()];
    expect(await iterator.return()).toEqual({ done: true, value: undefined });
    expect(await Promise.all(waiting)).toEqual([
      { done: true, value: undefined },
      { done: true, value: undefined },
    ]);
    publisher.tryPublish(1);
    const other = subscriber[Symbol.asyncIterator]();
    expect(await other.next()).toMatchObject({ done: false, value: { value: 1 } });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  it('serves calls that wait in their order', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const iterator = subscriber[Symbol.asyncIterator]();
    const waiting = [iterator.next(), iterator.next(), iterator.next()];
    for (const value of [1, 2, 3]) publisher.tryPublish(value);
    const values = (await Promise.all(waiting)).map(({ value }) => value?.value);
    expect(values).toEqual([1, 2, 3]);
  });

  it('throws what cannot be decoded to the call that waits for it, and ends the others', async () => {
    const channel = define({ codec: picky });
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const iterator = subscriber[Symbol.asyncIterator]();
    const waiting = [iterator.next(), iterator.next(), iterator.next()];
    for (const value of [1, 1001]) publisher.tryPublish(value);
    expect(await waiting[0]).toMatchObject({ value: { value: 1 } });
    await expect(waiting[1]).rejects.toMatchObject({ code: 'UNDECODABLE', message: /message 2 cannot/ });
    expect(await waiting[2]).toEqual({ done: true, value: undefined });
  });

  it('passes on what it is made to throw', async () => {
    const subscriber = await subscriberOf(define());
    const iterator = subscriber[Symbol.asyncIterator]();
    const waiting = iterator.next();
    await expect(iterator.throw(new Error('mine'))).rejects.toThrow('mine');
    expect(await waiting).toEqual({ done: true, value: undefined });
  });

  it('lets a stream that was made of it be destroyed', async () => {
    const subscriber = await subscriberOf(define());
    const stream = Readable.from(subscriber);
    stream.resume();
    await new Promise((resolve) => setImmediate(resolve));
    stream.destroy();
    await once(stream, 'close');
    expect(subscriber.isOpen).toBe(true);
  });

  it('delivers nothing after close, inside its own loop too', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    for (let value = 1; value <= 60; value++) publisher.tryPublish(value);
    const received: number[] = [];
    for await (const { value } of subscriber) {
      received.push(value);
      if (value === 3) await subscriber.close();
    }
    expect(received).toEqual([1, 2, 3]);
  });

  it('gives the event loop its turns in a flood', async () => {
    const channel = define({ capacity: 64 * 1024 });
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    for (let value = 1; value <= 1000; value++) publisher.tryPublish(value);
    let turns = 0;
    const count = (): void => {
      turns++;
      turning = setImmediate(count);
    };
    let turning = setImmediate(count);
    for await (const { value } of subscriber) if (value === 1000) break;
    clearImmediate(turning);
    expect(turns).toBeGreaterThanOrEqual(10);
  });

  it('throws what cannot be decoded after everything before it, with its number, and goes on later', async () => {
    const channel = define({ codec: picky });
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    for (const value of [1, 2, 1001, 4]) publisher.tryPublish(value);
    const received: number[] = [];
    const loop = async () => {
      for await (const { value } of subscriber) if (received.push(value) === 3) break;
    };
    await expect(loop()).rejects.toMatchObject({ code: 'UNDECODABLE', message: /message 3 cannot/ });
    expect(received).toEqual([1, 2]);
    await loop();
    expect(received).toEqual([1, 2, 4]);
  });

  it('goes on behind what cannot be decoded where errors have a listener, in the order of numbers', async () => {
    const channel = define({ codec: picky });
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    for (const value of [1, 1002, 3, 1004]) publisher.tryPublish(value);
    const seen: unknown[] = [];
    subscriber.on('error', ({ code }) => seen.push(code));
    await publisher.publish(5);
    for await (const { value } of subscriber) {
      seen.push(value);
      if (value === 5) break;
    }
    expect(seen).toEqual([1, 'UNDECODABLE', 3, 'UNDECODABLE', 5]);
  });

  it('hears of a gap where it is, and not before older messages', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel, { delivery: 'lossy' });
    const publisher = await publisherOf(channel);
    const seen: unknown[] = [];
    subscriber.on('gap', ({ from, to }) => seen.push([from, to]));
    for (let value = 1; value <= 3; value++) publisher.tryPublish(value);
    for await (const { value } of subscriber) {
      seen.push(value);
      if (value === 1) for (let next = 4; next <= 500; next++) publisher.tryPublish(next);
      if (value === 500) break;
    }
    const gap = seen.findIndex((one) => typeof one === 'object');
    expect(seen.slice(0, gap)).toEqual([1, 2, 3]);
    const [from, to] = seen[gap] as [number, number];
    expect(from).toBe(4);
    expect(seen[gap + 1]).toBe(to + 1);
  });

  it('is refused where messages are taken otherwise, and takes nothing then', async () => {
    const subscriber = await subscriberOf(define());
    const first = subscriber[Symbol.asyncIterator]();
    const second = subscriber[Symbol.asyncIterator]();
    const waiting = first.next();
    expect(await codeOf(() => second.next())).toBe('IN_USE');
    await first.return();
    await waiting;
    expect(await second.next()).toEqual({ done: true, value: undefined });
  });
});

/** After a turn of the event loop in which everything that is ready has settled. */
async function settled(): Promise<'not yet'> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  return 'not yet';
}
