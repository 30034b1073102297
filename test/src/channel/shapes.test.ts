import { type ChannelError, defineChannel } from '@mmfbus/channel';
import {
  array,
  codecOf,
  f64,
  type Infer,
  msgpack,
  oneOf,
  optional,
  string,
  struct,
  u32,
} from '@mmfbus/codec';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { codeOf, publisherOf, subscriberOf } from '../support/channels.js';
import { uniqueName } from '../support/unique-name.js';

const quote = struct({
  id: u32(),
  symbol: string(),
  price: f64(),
  side: oneOf('buy', 'sell'),
  legs: array(struct({ price: f64() })),
  note: optional(string()),
});

const good: Infer<typeof quote> = { id: 1, symbol: 'AAPL', price: 187.25, side: 'buy', legs: [{ price: 1 }] };

describe('a channel with a shape', () => {
  it('has the type of the shape, with nothing written twice', async () => {
    const channel = defineChannel({ name: uniqueName('channel'), schema: quote });
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    expect(publisher.tryPublish(good)).toBe('published');
    // @ts-expect-error: no such side
    expect(await codeOf(() => publisher.tryPublish({ ...good, side: 'hold' }))).toBe('UNENCODABLE');
    subscriber.poll(({ value }) => {
      expectTypeOf(value).toEqualTypeOf<{
        id: number;
        symbol: string;
        price: number;
        side: 'buy' | 'sell';
        legs: { price: number }[];
        note?: string | undefined;
      }>();
      expect(value).toEqual(good);
    });
  });

  it('refuses what does not fit before anything is published, and says where', async () => {
    const channel = defineChannel({ name: uniqueName('channel'), schema: quote });
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const bad = { ...good, legs: [{ price: 1 }, { price: 'x' }] } as never;
    expect(() => publisher.tryPublish(bad)).toThrow(/legs\[1\]\.price: expected f64, got string "x"/);
    await expect(publisher.publish(bad)).rejects.toMatchObject({ code: 'UNENCODABLE' });
    expect(() => publisher.tryPublishAll([good, bad])).toThrow(/legs\[1\]\.price/);
    publisher.tryPublish(good);
    expect(subscriber.poll(({ sequence }) => expect(sequence).toBe(1))).toBe(1);
  });

  it('reports what arrives and does not fit, and goes on with the next message', async () => {
    const name = uniqueName('channel');
    const subscriber = await subscriberOf(defineChannel({ name, schema: quote }));
    // One whose schema says that it is this one, and whose codec takes anything.
    const { schema } = codecOf(quote);
    const publisher = await publisherOf(defineChannel<unknown>({ name, codec: { ...msgpack(), schema } }));
    publisher.tryPublish({ ...good, price: 'much' });
    publisher.tryPublish({ ...good, further: 5 });
    const errors: ChannelError[] = [];
    subscriber.on('error', (error) => errors.push(error));
    const received: unknown[] = [];
    subscriber.poll(({ value }) => received.push(value));
    expect(errors.map(({ code, message }) => `${code} ${message}`)).toEqual([
      expect.stringMatching(/^UNDECODABLE .*message 1 .*price: expected f64, got string "much"/),
    ]);
    expect(received).toEqual([good]);
  });

  it('is joined by others of the same shape, or of one that it has grown into, and by no others', async () => {
    const name = uniqueName('channel');
    await subscriberOf(defineChannel({ name, schema: struct({ price: f64() }) }));
    await publisherOf(defineChannel({ name, schema: struct({ price: f64() }) }));
    await publisherOf(defineChannel({ name, schema: struct({ price: f64(), note: optional(string()) }) }));
    const other = defineChannel({ name, schema: struct({ price: u32() }) });
    expect(await codeOf(() => other.publisher())).toBe('SCHEMA_MISMATCH');
    await expect(other.publisher()).rejects.toThrow(/price: f64 there, u32 here/);
  });

  it('takes any validator that is a Standard Schema', async () => {
    const schema = z.object({ symbol: z.string(), price: z.number().positive() });
    const channel = defineChannel({ name: uniqueName('channel'), schema });
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    publisher.tryPublish({ symbol: 'AAPL', price: 1 });
    expect(await codeOf(() => publisher.tryPublish({ symbol: 'AAPL', price: -1 }))).toBe('UNENCODABLE');
    subscriber.poll(({ value }) => {
      expectTypeOf(value).toEqualTypeOf<{ symbol: string; price: number }>();
      expect(value).toEqual({ symbol: 'AAPL', price: 1 });
    });
  });

  it('has no codec beside', async () => {
    const both = { name: uniqueName('channel'), schema: quote, codec: msgpack() } as never;
    expect(await codeOf(() => defineChannel(both))).toBe('INVALID_ARGUMENT');
  });

  it('splits what is larger than a frame', async () => {
    const schema = struct({ text: string({ maxLength: 100_000 }) });
    const channel = defineChannel({ name: uniqueName('channel'), capacity: 4096, schema });
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const published = publisher.publish({ text: 'ä'.repeat(20_000) });
    for await (const { value } of subscriber) {
      expect(value.text).toBe('ä'.repeat(20_000));
      break;
    }
    await published;
  });
});
