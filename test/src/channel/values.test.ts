import { type ChannelError, monotonicNow } from '@mmfbus/channel';
import { json, msgpack, raw } from '@mmfbus/codec';
import { describe, expect, it } from 'vitest';
import { codeOf, define, publisherOf, subscriberOf } from '../support/channels.js';
import { uniqueName } from '../support/unique-name.js';

describe('values', () => {
  it('that cannot be encoded are refused before anything is published', async () => {
    const channel = define<unknown>();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const cycle: { self?: unknown } = {};
    cycle.self = cycle;
    for (const value of [() => {}, Symbol('s'), cycle, { deep: [() => {}] }]) {
      expect(await codeOf(() => publisher.tryPublish(value))).toBe('UNENCODABLE');
    }
    publisher.tryPublish('fine');
    const received: unknown[] = [];
    subscriber.poll(({ value, sequence }) => received.push([value, sequence]));
    expect(received).toEqual([['fine', 1]]);
  });

  it('that are too large are refused with both sizes', async () => {
    const channel = define<Uint8Array>({ codec: raw() });
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    expect(() => publisher.tryPublish(new Uint8Array(1001))).toThrow(
      /takes 1001 bytes or more; without waiting, the channel carries at most 1000/,
    );
    expect(await codeOf(() => publisher.tryPublish(new Uint8Array(1001)))).toBe('TOO_LARGE');
    expect(await codeOf(() => publisher.publish(new Uint8Array(2 ** 26 + 1)))).toBe('TOO_LARGE');
    expect(publisher.tryPublish(new Uint8Array(1000).fill(3))).toBe('published');
    let received: Uint8Array | undefined;
    subscriber.poll(({ value }) => {
      received = value;
    });
    expect(Buffer.from(received as Uint8Array)).toEqual(Buffer.alloc(1000, 3));
  });

  it('larger than the first scratch buffer pass', async () => {
    const channel = define<string>({ capacity: 1 << 20 });
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const text = 'äöü'.repeat(30_000);
    publisher.tryPublish(text);
    expect(subscriber.poll(({ value }) => expect(value).toBe(text))).toBe(1);
  });

  it('say when they were published, unless their publisher leaves that out', async () => {
    const channel = define<number>();
    const subscriber = await subscriberOf(channel);
    const publishers = [await publisherOf(channel), await publisherOf(channel, { timestamps: false })];
    const before = monotonicNow();
    for (const publisher of publishers) {
      publisher.tryPublish(1);
      publisher.tryPublishAll([2, 3]);
      await publisher.publish(4);
    }
    const timestamps: number[] = [];
    subscriber.poll(({ timestamp }) => timestamps.push(timestamp));
    expect(timestamps.slice(4)).toEqual([0, 0, 0, 0]);
    expect(
      timestamps.slice(0, 4).every((timestamp) => timestamp >= before && timestamp <= monotonicNow()),
    ).toBe(true);
  });

  it('cannot be published from within the encoding of another one', async () => {
    const channel = define<unknown>();
    const publisher = await publisherOf(channel);
    let code = '';
    const sly = {
      get inner() {
        try {
          publisher.tryPublish(1);
        } catch (error) {
          code = (error as ChannelError).code;
        }
        return 1;
      },
    };
    publisher.tryPublish(sly);
    expect(code).toBe('REENTRANT');
    expect(publisher.tryPublish(1)).toBe('published');
  });

  it('that cannot be decoded are an error event, and the next one is delivered', async () => {
    const name = uniqueName();
    const codec = { ...raw(), id: 'msgpack' };
    const publisher = await publisherOf(define<Uint8Array>({ name, codec }));
    const subscriber = await subscriberOf(define<unknown>({ name }));
    publisher.tryPublish(Uint8Array.of(0xc1));
    publisher.tryPublish(Uint8Array.of(42));
    expect(() => subscriber.poll(() => {})).toThrow(/message 1 cannot be decoded/);
    const received: unknown[] = [];
    subscriber.poll(({ value }) => received.push(value));
    expect(received).toEqual([42]);
    publisher.tryPublish(Uint8Array.of(0xc1));
    publisher.tryPublish(Uint8Array.of(43));
    subscriber.on('error', ({ code }) => received.push(code));
    subscriber.poll(({ value }) => received.push(value));
    expect(received).toEqual([42, 'UNDECODABLE', 43]);
  });

  it.each([
    ['msgpack', msgpack<unknown>()],
    ['json', json<unknown>()],
  ])('of %s come out as they went in', async (_, codec) => {
    const channel = define<unknown>({ codec });
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const values = [null, true, 1.5, -3, 'text', [1, [2]], { a: { b: [] } }];
    for (const value of values) publisher.tryPublish(value);
    const received: unknown[] = [];
    subscriber.poll(({ value }) => received.push(value));
    expect(received).toEqual(values);
  });
});
