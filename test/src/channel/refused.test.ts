import type { Gap } from '@mmfbus/channel';
import { array, type Codec, raw, string, struct, u32 } from '@mmfbus/codec';
import { describe, expect, it } from 'vitest';
import { codeOf, define, publisherOf, subscriberOf } from '../support/channels.js';

const flat = struct({ id: u32(), text: string() });
const nested = struct({ id: u32(), text: string(), list: array(u32()) });

const batches: [string, (publish: (values: unknown[]) => unknown) => unknown, string][] = [
  ['too large', (publish) => publish(Array.from({ length: 40 }, (_, id) => makeValue(id))), 'TOO_LARGE'],
  ['with a message that is too large', (publish) => publish([makeValue(1), makeValue(2, 1001)]), 'TOO_LARGE'],
  [
    'with a value without encoding',
    (publish) => publish([makeValue(1), makeValue(2), { id: -1 }]),
    'UNENCODABLE',
  ],
];

function makeValue(id: number, length = 8): unknown {
  return { id, text: 'x'.repeat(length), list: [id] };
}

describe.each([
  ['a flat shape', flat],
  ['a nested shape', nested],
])('of %s, a batch', (_, shape) => {
  it.each(batches)('%s destroys no history', async (_what, attempt, code) => {
    const channel = define<unknown>({ schema: shape, history: 8, maxMessage: 168 } as never);
    const publisher = await publisherOf(channel);
    for (let id = 1; id <= 300; id++) expect(publisher.tryPublish(makeValue(id))).toBe('published');
    for (let times = 0; times < 20; times++) {
      expect(await codeOf(() => attempt((values) => publisher.tryPublishAll(values)))).toBe(code);
    }
    const late = await subscriberOf(channel);
    const seen: unknown[] = [];
    late.on('gap', (gap) => seen.push(gap));
    late.poll(({ sequence }) => seen.push(sequence));
    expect(seen).toEqual([293, 294, 295, 296, 297, 298, 299, 300]);
  });

  it.each(batches)('%s takes nothing from a lossy subscriber', async (_what, attempt, code) => {
    const channel = define<unknown>({ schema: shape } as never);
    const publisher = await publisherOf(channel);
    // Once round the ring, so that each further byte overwrites one.
    for (let id = 1; id <= 200; id++) publisher.tryPublish(makeValue(id));
    const subscriber = await subscriberOf(channel, { delivery: 'lossy', start: 'earliest' });
    const seen = { before: 0, after: 0 };
    const gaps: Gap[] = [];
    const other = await subscriberOf(channel, { delivery: 'lossy', start: 'earliest' });
    other.poll(() => seen.before++);
    for (let times = 0; times < 20; times++) {
      expect(await codeOf(() => attempt((values) => publisher.tryPublishAll(values)))).toBe(code);
    }
    subscriber.on('gap', (gap) => gaps.push(gap));
    subscriber.poll(() => seen.after++);
    expect({ gaps, after: seen.after }).toEqual({ gaps: [], after: seen.before });
  });
});

describe('a value that is refused', () => {
  it.each([
    ['a flat shape', { schema: flat }, [{ id: -1, text: '' }, { id: 1, text: '\ud800' }, makeValue(1, 1001)]],
    ['raw bytes', { codec: raw() }, ['text', new Uint8Array(1001)]],
    ['anything', {}, [() => {}, 'x'.repeat(1001)]],
  ])('of %s takes nothing from a lossy subscriber', async (_, options, refused) => {
    const isRaw = 'codec' in options;
    const channel = define<unknown>(options as never);
    const publisher = await publisherOf(channel);
    const good = isRaw ? new Uint8Array(8) : { id: 1, text: 'x'.repeat(8) };
    for (let count = 0; count < 200; count++) publisher.tryPublish(good);
    const first = await subscriberOf(channel, { delivery: 'lossy', start: 'earliest' });
    const second = await subscriberOf(channel, { delivery: 'lossy', start: 'earliest' });
    const before = first.poll(() => {});
    for (const value of refused) {
      expect(await codeOf(() => publisher.tryPublish(value))).toMatch(/^(?:UNENCODABLE|TOO_LARGE)$/);
    }
    second.on('gap', () => expect.fail('a gap'));
    expect(second.poll(() => {})).toBe(before);
  });
});

describe('code of the program that runs while a value is encoded', () => {
  const shapes: [string, object][] = [
    ['a flat shape', { schema: flat }],
    ['a nested shape', { schema: nested }],
    ['anything', {}],
  ];

  it.each(shapes)('of %s keeps no other publisher waiting', async (_, options) => {
    const channel = define<unknown>(options as never);
    const subscriber = await subscriberOf(channel);
    const [slow, other] = [await publisherOf(channel), await publisherOf(channel)];
    const outcomes: string[] = [];
    const value = {
      id: 1,
      get text() {
        outcomes.push(other.tryPublish(makeValue(2)));
        return 'slow';
      },
      list: [],
    };
    expect(slow.tryPublish(value)).toBe('published');
    expect(slow.tryPublishAll([value, value])).toBe('published');
    await slow.publish(value);
    expect(new Set(outcomes)).toEqual(new Set(['published']));
    let received = 0;
    subscriber.poll(() => received++);
    expect(received).toBe(4 + outcomes.length);
  });

  it.each(shapes)('of %s may close the publisher, which then publishes nothing', async (_, options) => {
    for (const call of ['tryPublish', 'tryPublishAll', 'publish', 'publishAll'] as const) {
      const channel = define<unknown>(options as never);
      const subscriber = await subscriberOf(channel);
      const publisher = await publisherOf(channel);
      const value = {
        id: 1,
        get text() {
          void publisher.close();
          return 'last';
        },
        list: [],
      };
      const argument = call.endsWith('All') ? [value] : value;
      expect(await codeOf(() => publisher[call](argument as never))).toBe('CLOSED');
      expect(subscriber.poll(() => {})).toBe(0);
    }
  });

  it('of a batch that makes its values as they are asked for may publish', async () => {
    const channel = define<string>();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const lazy = new Proxy(['first', 'second'], {
      get: (target, key, receiver) => {
        if (key === '1') publisher.tryPublish('inner');
        return Reflect.get(target, key, receiver);
      },
    });
    expect(publisher.tryPublishAll(lazy)).toBe('published');
    await publisher.publishAll(lazy);
    const received: string[] = [];
    subscriber.poll(({ value }) => received.push(value));
    expect(received).toEqual(['inner', 'first', 'second', 'inner', 'first', 'second']);
  });

  it('of a batch may close its publisher', async () => {
    const publisher = await publisherOf(define<string>());
    const lazy = new Proxy(['first'], {
      get: (target, key, receiver) => {
        void publisher.close();
        return Reflect.get(target, key, receiver);
      },
    });
    expect(await codeOf(() => publisher.tryPublishAll(lazy))).toBe('CLOSED');
  });
});

describe('a batch', () => {
  it.each([undefined, null, 5, {}])('that is %s is refused', async (wrong) => {
    const publisher = await publisherOf(define());
    expect(await codeOf(() => publisher.tryPublishAll(wrong as never))).toBe('INVALID_ARGUMENT');
    expect(await codeOf(() => publisher.publishAll(wrong as never))).toBe('INVALID_ARGUMENT');
  });
});

describe('a codec of the program', () => {
  it.each([-1, 0.5, Number.NaN, 2 ** 40, undefined])('that says it wrote up to %s fails', async (end) => {
    const codec: Codec<number> = { id: 'liar', encode: () => end as number, decode: () => 0 };
    const channel = define<number>({ codec });
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    expect(await codeOf(() => publisher.tryPublish(1))).toBe('UNENCODABLE');
    expect(subscriber.poll(() => {})).toBe(0);
  });

  it('that takes away the memory it was given fails, and the next message is published', async () => {
    const text = raw();
    let steals = true;
    const codec: Codec<Uint8Array> = {
      ...text,
      id: 'thief',
      encode: (value, target, offset) => {
        if (steals) structuredClone(target.buffer, { transfer: [target.buffer as ArrayBuffer] });
        return text.encode(value, target, offset);
      },
    };
    const channel = define<Uint8Array>({ codec });
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    expect(await codeOf(() => publisher.tryPublish(new Uint8Array(8)))).toBe('UNENCODABLE');
    steals = false;
    expect(publisher.tryPublish(new Uint8Array(8).fill(7))).toBe('published');
    expect(subscriber.poll(({ value }) => expect([...value]).toEqual(new Array(8).fill(7)))).toBe(1);
  });
});

describe('options of a publisher', () => {
  it.each([
    [{ slowSubscriber: 'wait' }, /publisher\(\) has no option "slowSubscriber"; it takes .*slowSubscribers/],
    [{ slowSubscribers: 'dissconnect' }, /slowSubscribers must be 'wait' or 'disconnect', not 'dissconnect'/],
    [{ timestamps: 1 }, /timestamps must be true or false, not 1/],
    [{ name: 5 }, /name must be a string, not 5/],
  ])('that are wrong are refused: %j', async (options, message) => {
    await expect(define().publisher(options as never)).rejects.toThrow(message);
  });

  it.each([{ signal: null }, { timeout: -1 }, { timeout: 1.5 }, { timeOut: 1 }])(
    'that wait and are wrong are refused: %j',
    async (options) => {
      const publisher = await publisherOf(define());
      const calls = [
        publisher.publish(1, options as never),
        publisher.publishAll([1], options as never),
        publisher.drain(options as never),
        publisher.close(options as never),
      ];
      for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      await publisher.publish(1, { timeout: Number.POSITIVE_INFINITY });
    },
  );
});
