import type { Gap } from '@mmfbus/channel';
import { raw } from '@mmfbus/codec';
import { describe, expect, it } from 'vitest';
import { codeOf, define, publisherOf, subscriberOf } from '../support/channels.js';

function filled(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + seed * 7 + (index >> 8)) & 0xff);
}

describe('messages larger than a frame', () => {
  it('arrive whole, also when they are larger than the ring', async () => {
    const channel = define<Uint8Array>({ codec: raw() });
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const lengths = [1000, 1001, 1024, 4000, 4096, 70_000, 1_000_000, 0, 1];
    const published = lengths.map((length, seed) => publisher.publish(filled(length, seed)));
    let count = 0;
    for await (const { value, sequence } of subscriber) {
      expect(sequence).toBe(++count);
      expect(Buffer.compare(value, filled(lengths[count - 1] as number, count - 1))).toBe(0);
      if (count === lengths.length) break;
    }
    await Promise.all(published);
  });

  it('are refused beyond the limit of the channel, and by publish', async () => {
    const channel = define<Uint8Array>({ codec: raw(), maxMessage: 5000 });
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    await expect(publisher.publish(new Uint8Array(5001))).rejects.toThrow(
      /takes 5001 bytes or more; the channel carries at most 5000/,
    );
    expect(await codeOf(() => publisher.tryPublish(new Uint8Array(1001)))).toBe('TOO_LARGE');
    const published = publisher.publish(filled(5000, 1));
    for await (const { value, sequence } of subscriber) {
      expect([value.length, sequence]).toEqual([5000, 1]);
      break;
    }
    await published;
  });

  it('let the messages of other publishers come in between', async () => {
    const channel = define<Uint8Array>({ codec: raw() });
    const subscriber = await subscriberOf(channel);
    const publishers = [await publisherOf(channel), await publisherOf(channel), await publisherOf(channel)];
    const published = publishers.map((publisher, index) => publisher.publish(filled(50_000 + index, index)));
    const small = await publisherOf(channel);
    let sent = 0;
    let whole = 0;
    let received = 0;
    while (whole < 3) {
      if (small.tryPublish(Uint8Array.of(sent)) === 'published') sent++;
      subscriber.poll(({ value }) => {
        if (value.length === 1) expect(value[0]).toBe(received++ & 0xff);
        else expect(Buffer.compare(value, filled(value.length, value.length - 50_000))).toBe(0);
        if (value.length > 1) whole++;
      });
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(published);
    expect(received).toBe(sent);
    expect(sent).toBeGreaterThan(10);
  });

  it('that were given up half-way are seen by no participant, and numbers have no holes', async () => {
    const channel = define<Uint8Array>({ codec: raw() });
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const abort = new AbortController();
    const givenUp = publisher.publish(filled(10_000, 1), { signal: abort.signal });
    await new Promise((resolve) => setImmediate(resolve));
    abort.abort(new Error('enough'));
    await expect(givenUp).rejects.toThrow('enough');
    const received: number[][] = [];
    const take = () => subscriber.poll(({ value, sequence }) => received.push([sequence, value.length]));
    take();
    expect(publisher.tryPublish(new Uint8Array(3))).toBe('published');
    take();
    const next = publisher.publish(filled(2000, 2));
    take();
    await next;
    take();
    expect(received).toEqual([
      [1, 3],
      [2, 2000],
    ]);
  });

  it('that were begun before a subscriber joined are not for it, and are no gap', async () => {
    const channel = define<Uint8Array>({ codec: raw() });
    const first = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const published = publisher.publish(filled(10_000, 1));
    await new Promise((resolve) => setImmediate(resolve));
    const second = await subscriberOf(channel);
    const seen: [string, number][] = [];
    second.on('gap', () => expect.fail('a gap'));
    let done = false;
    void published.then(() => {
      done = publisher.tryPublish(new Uint8Array(5)) === 'published';
    });
    while (seen.length < 3) {
      first.poll(({ value }) => seen.push(['first', value.length]));
      second.poll(({ value }) => seen.push(['second', value.length]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(done).toBe(true);
    expect(seen.sort()).toEqual([
      ['first', 10_000],
      ['first', 5],
      ['second', 5],
    ]);
  });

  it('are gaps for a lossy subscriber that was lapped meanwhile', async () => {
    const channel = define<Uint8Array>({ codec: raw() });
    const subscriber = await subscriberOf(channel, { delivery: 'lossy' });
    const publisher = await publisherOf(channel);
    await publisher.publish(filled(20_000, 1));
    expect(publisher.tryPublish(new Uint8Array(5))).toBe('published');
    const gaps: Gap[] = [];
    const numbers: number[] = [];
    subscriber.on('gap', (gap) => gaps.push(gap));
    subscriber.poll(({ sequence }) => numbers.push(sequence));
    expect({ gaps, numbers }).toEqual({ gaps: [{ from: 1, to: 1, count: 1 }], numbers: [2] });
  });
});
