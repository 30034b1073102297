import { type Codec, raw } from '@mmfbus/codec';
import { encodeInPlace, type InPlaceCodec } from '@mmfbus/codec/internal';
import { describe, expect, it } from 'vitest';
import { codeOf, define, publisherOf, subscriberOf } from '../support/channels.js';

const KiB = 1024;

interface Value {
  readonly length: number;
  /** Runs while it is encoded in place. */
  readonly meanwhile?: () => void;
}

/** A codec that counts how often it is asked for which way. */
function countingCodec() {
  const asked = { inPlace: 0, otherwise: 0 };
  const codec: Codec<Value> & InPlaceCodec<Value> = {
    id: 'zeros',
    encode: ({ length }, target, offset) => {
      asked.otherwise++;
      return raw().encode(new Uint8Array(length), target, offset);
    },
    [encodeInPlace]: ({ length, meanwhile }, place) => {
      meanwhile?.();
      if (!place.begin(length)) return -1;
      asked.inPlace++;
      expect(place.limit - place.offset).toBe(length);
      for (let index = place.offset; index < place.limit; index++) place.bytes[index] = length;
      return place.limit;
    },
    decode: (source, start, end) => {
      const bytes = source.subarray(start, end);
      if (bytes.some((byte) => byte !== 0 && byte !== bytes.length % 256))
        expect.fail('bytes of another message');
      return { length: bytes.length };
    },
  };
  return { codec, asked };
}

describe('a codec that encodes in place', () => {
  it('is asked to wherever there is room', async () => {
    const { codec, asked } = countingCodec();
    const channel = define({ codec });
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    for (let count = 1; count <= 1000; count++) {
      const length = (count * 37) % 1001;
      expect(publisher.tryPublish({ length })).toBe('published');
      expect(
        subscriber.poll(({ value, ...meta }) =>
          expect([value.length, meta.sequence]).toEqual([length, count]),
        ),
      ).toBe(1);
    }
    expect(asked).toEqual({ inPlace: 1000, otherwise: 0 });
  });

  it('is not asked to where there is none, or others wait', async () => {
    const { codec, asked } = countingCodec();
    const channel = define({ codec });
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    let count = 0;
    while (publisher.tryPublish({ length: 8 }) === 'published') count++;
    expect(asked).toEqual({ inPlace: count, otherwise: 0 });
    const waiting = publisher.publish({ length: 1 });
    expect(publisher.tryPublish({ length: 2 })).toBe('full');
    expect(asked).toEqual({ inPlace: count, otherwise: 2 });
    const received: number[] = [];
    for await (const { value } of subscriber) if (received.push(value.length) === count + 1) break;
    await waiting;
    expect(received.at(-1)).toBe(1);
  });

  it('refuses by the other way, and nothing is published', async () => {
    const { codec, asked } = countingCodec();
    const channel = define({ codec });
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    expect(await codeOf(() => publisher.tryPublish({ length: 1001 }))).toBe('TOO_LARGE');
    expect(subscriber.poll(() => {})).toBe(0);
    expect(asked).toEqual({ inPlace: 0, otherwise: 1 });
  });

  it('that throws leaves nothing behind', async () => {
    const { codec } = countingCodec();
    const channel = define({ codec });
    const subscriber = await subscriberOf(channel);
    const [publisher, other] = [await publisherOf(channel), await publisherOf(channel)];
    const meanwhile = () => {
      throw new Error('mine');
    };
    expect(() => publisher.tryPublish({ length: 8, meanwhile })).toThrow('mine');
    expect(other.tryPublish({ length: 9 })).toBe('published');
    expect(publisher.tryPublish({ length: 10 })).toBe('published');
    const received: number[] = [];
    subscriber.poll(({ value: { length }, sequence }) => received.push(length, sequence));
    expect(received).toEqual([9, 1, 10, 2]);
  });

  it('cannot publish meanwhile, and other publishers can', async () => {
    const { codec } = countingCodec();
    const channel = define({ codec });
    const subscriber = await subscriberOf(channel);
    const [publisher, other] = [await publisherOf(channel), await publisherOf(channel)];
    const meanwhile = () => {
      expect(() => publisher.tryPublish({ length: 1 })).toThrow(/from within the encoding/);
      expect(other.tryPublish({ length: 2 })).toBe('published');
    };
    expect(publisher.tryPublish({ length: 3, meanwhile })).toBe('published');
    const received: number[] = [];
    subscriber.poll(({ value: { length } }) => received.push(length));
    expect(received).toEqual([2, 3]);
  });

  it('may close its publisher, which then publishes nothing', async () => {
    const { codec } = countingCodec();
    const channel = define({ codec });
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const closed: Promise<void>[] = [];
    const meanwhile = () => void closed.push(publisher.close());
    expect(await codeOf(() => publisher.tryPublish({ length: 8, meanwhile }))).toBe('CLOSED');
    await Promise.all(closed);
    expect(subscriber.poll(() => {})).toBe(0);
  });
});

/** A codec that tells where what it decodes lies, and that can be interrupted. */
function interruptedCodec(meanwhile: () => void = () => {}) {
  const sources = new Set<ArrayBufferLike>();
  const codec: Codec<Uint8Array> = {
    id: 'raw',
    encode: raw().encode,
    decode: (source, start, end) => {
      sources.add(source.buffer);
      meanwhile();
      return raw().decode(source, start, end);
    },
  };
  return { codec, sources };
}

function patterned(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + length) & 0xff);
}

describe('a codec', () => {
  it.each(['reliable', 'lossy'] as const)('never gets the ring, of a %s subscriber', async (delivery) => {
    const { codec, sources } = interruptedCodec();
    const channel = define({ codec, capacity: 512 * KiB });
    const subscriber = await subscriberOf(channel, { delivery });
    const publisher = await publisherOf(channel);
    for (let count = 1; count <= 50; count++) {
      const message = patterned(count % 3 === 0 ? 10 * count : 60 * KiB + ((count * 1237) % (60 * KiB)));
      expect(publisher.tryPublish(message)).toBe('published');
      expect(
        subscriber.poll(({ value, sequence }) => {
          expect(sequence).toBe(count);
          expect(Buffer.compare(value, message)).toBe(0);
        }),
      ).toBe(1);
    }
    const isRing = (buffer: ArrayBufferLike) => buffer.byteLength > 512 * KiB;
    expect([...sources].some(isRing)).toBe(false);
  });

  it('decodes what was published also where its subscriber is disconnected meanwhile', async () => {
    let interrupt = () => {};
    const { codec } = interruptedCodec(() => interrupt());
    const channel = define({ codec, capacity: 512 * KiB });
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel, { slowSubscribers: 'disconnect' });
    const message = patterned(100 * KiB);
    publisher.tryPublish(message);
    interrupt = () => {
      for (let count = 0; count < 6; count++) publisher.tryPublish(patterned(100 * KiB + count));
    };
    const events: unknown[] = [];
    subscriber.on('close', ({ reason }) => events.push(reason));
    subscriber.on('error', (error) => events.push(error));
    subscriber.on('gap', (gap) => events.push(gap));
    subscriber.poll(({ value }) => events.push(Buffer.compare(value, message)));
    expect(events).toEqual([0, 'disconnected']);
  });
});
