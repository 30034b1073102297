import type { Channel, Gap, SubscriberOptions } from '@mmfbus/channel';
import { raw } from '@mmfbus/codec';
import { describe, expect, it } from 'vitest';
import { codeOf, define, publisherOf, subscriberOf } from '../support/channels.js';

/** What a subscriber that joins now gets of what is there: messages, and what is missing before them. */
async function takenBy<T>(
  channel: Channel<T>,
  options: SubscriberOptions,
): Promise<{ gaps: Gap[]; numbers: number[] }> {
  const subscriber = await subscriberOf(channel, options);
  const gaps: Gap[] = [];
  const numbers: number[] = [];
  subscriber.on('gap', (gap) => gaps.push(gap));
  subscriber.poll(({ sequence }) => numbers.push(sequence));
  await subscriber.close();
  return { gaps, numbers };
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

describe('a subscription begins', () => {
  it.each(['reliable', 'lossy'] as const)('where it is told to, %s', async (delivery) => {
    const channel = define();
    const publisher = await publisherOf(channel);
    for (let value = 1; value <= 20; value++) publisher.tryPublish(value);
    expect(await takenBy(channel, { delivery })).toEqual({ gaps: [], numbers: [] });
    expect(await takenBy(channel, { delivery, start: 'latest' })).toEqual({ gaps: [], numbers: [] });
    expect(await takenBy(channel, { delivery, start: 'earliest' })).toEqual({
      gaps: [],
      numbers: range(1, 20),
    });
    expect(await takenBy(channel, { delivery, start: 'history' })).toEqual({ gaps: [], numbers: [] });
    for (const after of [0, 7, 19, 20]) {
      const expected = { gaps: [], numbers: range(after + 1, 20) };
      expect(await takenBy(channel, { delivery, start: { after } })).toEqual(expected);
    }
  });

  it('with an exact gap where what it wants is overwritten', async () => {
    const channel = define();
    const publisher = await publisherOf(channel);
    for (let value = 1; value <= 1000; value++) publisher.tryPublish(value);
    const { numbers } = await takenBy(channel, { start: 'earliest' });
    const first = numbers[0] as number;
    expect(numbers).toEqual(range(first, 1000));
    expect(first).toBeGreaterThan(800);
    expect(await takenBy(channel, { start: { after: 400 } })).toEqual({
      gaps: [{ from: 401, to: first - 1, count: first - 401 }],
      numbers,
    });
  });

  it('not after what was never published', async () => {
    const channel = define();
    const publisher = await publisherOf(channel);
    publisher.tryPublish(1);
    expect(await codeOf(() => channel.subscriber({ start: { after: 2 } }))).toBe('SEQUENCE_AHEAD');
    await expect(channel.subscriber({ start: { after: 5 } })).rejects.toThrow(
      /begin after message 5; the last one published is 1/,
    );
  });

  it('where it left off, when it comes back after a disconnection', async () => {
    const channel = define();
    const publisher = await publisherOf(channel, { slowSubscribers: 'disconnect' });
    const first = await subscriberOf(channel);
    for (let value = 1; value <= 10; value++) publisher.tryPublish(value);
    let last = 0;
    first.poll(({ sequence }) => {
      last = sequence;
    });
    for (let value = 11; value <= 300; value++) publisher.tryPublish(value);
    first.poll(() => expect.fail('it was disconnected'));
    const { gaps, numbers } = await takenBy(channel, { start: { after: last } });
    expect(gaps).toEqual([{ from: 11, to: (numbers[0] as number) - 1, count: (numbers[0] as number) - 11 }]);
    expect(numbers.at(-1)).toBe(300);
  });
});

describe('a history', () => {
  it('is what late joiners get, all of it and no more, whatever was published', async () => {
    for (const [history, maxMessage] of [
      [2, 1000],
      [1, 1000],
      [3, 600],
      [16, 104],
      [64, 8],
      [5, undefined],
    ] as const) {
      const channel = define<Uint8Array>({ codec: raw(), history, maxMessage });
      const publisher = await publisherOf(channel);
      const largest = maxMessage ?? Math.floor(2048 / history / 32) * 32 - 24;
      for (let count = 1; count <= 300; count++) {
        // Mostly the largest there may be, which leaves the least room; now and then a smaller one moves the wrap.
        const length = count % 7 === 0 ? (count * 13) % (largest + 1) : largest;
        expect(publisher.tryPublish(new Uint8Array(length))).toBe('published');
        const { gaps, numbers } = await takenBy(channel, {});
        expect({ gaps, numbers }).toEqual({
          gaps: [],
          numbers: range(Math.max(1, count - history + 1), count),
        });
      }
    }
  });

  it('stays when batches are published', async () => {
    const channel = define<Uint8Array>({ codec: raw(), history: 8, maxMessage: 232 });
    const publisher = await publisherOf(channel);
    for (let count = 1; count <= 200; count++) {
      const batch = Array.from({ length: 1 + (count % 4) }, () => new Uint8Array(232));
      expect(publisher.tryPublishAll(batch)).toBe('published');
      const { numbers } = await takenBy(channel, {});
      expect(numbers).toHaveLength(Math.min(8, numbers.at(-1) as number));
    }
  });

  it('that does not fit into half of the ring is refused, with the sizes', () => {
    expect(() => define({ history: 3, maxMessage: 1000 })).toThrow(
      /a history of 3 messages of up to 1000 bytes takes 3072 bytes, half of the ring of 4096 is 2048/,
    );
    expect(() => define({ history: 1, maxMessage: 1001 })).toThrow(
      /must fit into one frame: maxMessage is 1001, a ring of 4096 bytes takes frames of up to 1000/,
    );
    expect(() => define({ history: 65 })).toThrow(/takes 2080 bytes/);
  });
});
