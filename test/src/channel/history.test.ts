import type { Channel, Gap, Position, SubscriberOptions } from '@mmfbus/channel';
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
    for (const sequence of [0, 7, 19, 20]) {
      const expected = { gaps: [], numbers: range(sequence + 1, 20) };
      const after = { ...publisher.position, sequence };
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
    expect(await takenBy(channel, { start: { after: { ...publisher.position, sequence: 400 } } })).toEqual({
      gaps: [{ from: 401, to: first - 1, count: first - 401 }],
      numbers,
    });
  });

  it('not after what was never published', async () => {
    const channel = define();
    const publisher = await publisherOf(channel);
    publisher.tryPublish(1);
    const after = { ...publisher.position, sequence: 5 };
    expect(await codeOf(() => channel.subscriber({ start: { after } }))).toBe('SEQUENCE_AHEAD');
    await expect(channel.subscriber({ start: { after } })).rejects.toThrow(
      /begin after message 5; the last one published is 1/,
    );
  });

  it('elsewhere, as it says, where the position is of an earlier channel of that name', async () => {
    const channel = define();
    const first = await publisherOf(channel);
    await first.publish(1);
    const after = JSON.parse(JSON.stringify(first.position)) as Position;
    expect(after).toEqual({ incarnation: expect.stringMatching(/^[0-9a-f]{16}$/), sequence: 1 });
    await first.close();
    expect(first.position).toEqual(after);
    const second = await publisherOf(channel);
    for (let value = 1; value <= 3; value++) await second.publish(value);
    const { incarnation } = second.position;
    expect(incarnation).not.toBe(after.incarnation);
    for (const otherwise of [undefined, 'error'] as const) {
      const start = { after, otherwise };
      expect(await codeOf(() => channel.subscriber({ start }))).toBe('OTHER_INCARNATION');
      await expect(channel.subscriber({ start })).rejects.toThrow(
        `after message 1 of its incarnation ${after.incarnation}, of which nothing is left: this one is ${incarnation}`,
      );
    }
    const earliest = await takenBy(channel, { start: { after, otherwise: 'earliest' } });
    expect(earliest).toEqual({ gaps: [], numbers: [1, 2, 3] });
    const latest = await takenBy(channel, { start: { after, otherwise: 'latest' } });
    expect(latest).toEqual({ gaps: [], numbers: [] });
  });

  it('where it left off, when it comes back after a disconnection', async () => {
    const channel = define();
    const publisher = await publisherOf(channel, { slowSubscribers: 'disconnect' });
    const first = await subscriberOf(channel);
    for (let value = 1; value <= 10; value++) publisher.tryPublish(value);
    first.poll(() => {});
    for (let value = 11; value <= 300; value++) publisher.tryPublish(value);
    first.poll(() => expect.fail('it was disconnected'));
    const { gaps, numbers } = await takenBy(channel, { start: { after: first.position } });
    expect(gaps).toEqual([{ from: 11, to: (numbers[0] as number) - 1, count: (numbers[0] as number) - 11 }]);
    expect(numbers.at(-1)).toBe(300);
  });
});

describe('a history', () => {
  it('is what late joiners get, all of it and no more, whatever was published', async () => {
    for (const [history, maxMessage] of [
      [2, 936],
      [1, 936],
      [3, 584],
      [16, 40],
      [21, 8],
      [5, undefined],
    ] as const) {
      const channel = define<Uint8Array>({ codec: raw(), history, maxMessage });
      const publisher = await publisherOf(channel);
      const largest = maxMessage ?? Math.floor(2048 / history / 32) * 32 - 24 - 64;
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
    const channel = define<Uint8Array>({ codec: raw(), history: 8, maxMessage: 168 });
    const publisher = await publisherOf(channel);
    for (let count = 1; count <= 200; count++) {
      const batch = Array.from({ length: 1 + (count % 4) }, () => new Uint8Array(168));
      expect(publisher.tryPublishAll(batch)).toBe('published');
      const { numbers } = await takenBy(channel, {});
      expect(numbers).toHaveLength(Math.min(8, numbers.at(-1) as number));
    }
  });

  it('that does not fit into half of the ring is refused, with the sizes', () => {
    expect(() => define({ history: 3, maxMessage: 900 })).toThrow(
      /a history of 3 messages of up to 900 bytes takes 2976 bytes, half of the ring of 4096 is 2048/,
    );
    expect(() => define({ history: 1, maxMessage: 937 })).toThrow(
      /must fit into one frame: maxMessage is 937, a ring of 4096 bytes takes messages of up to 936 in one/,
    );
    expect(() => define({ history: 65 })).toThrow(/takes 6240 bytes/);
  });
});
