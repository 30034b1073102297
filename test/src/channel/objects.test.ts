import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { codeOf, define, publisherOf, subscriberOf } from '../support/channels.js';
import { ownDirectory } from '../support/own-directory.js';

ownDirectory('objects');

describe('what is shown', () => {
  it('of a channel and its participants says which, in what state, and how far', async () => {
    const channel = define();
    const { name } = channel;
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    publisher.tryPublish(1);
    expect(inspect(channel)).toBe(`Channel { name: '${name}', codec: 'msgpack' }`);
    expect(inspect(publisher)).toBe(`Publisher { channel: '${name}', open, published up to: 1 }`);
    expect(inspect(subscriber)).toBe(
      `Subscriber { channel: '${name}', open, 32 bytes behind, handled up to: 0 }`,
    );
    subscriber.poll(() => {});
    await publisher.close();
    await subscriber.close();
    expect(inspect(publisher)).toBe(`Publisher { channel: '${name}', closed, published up to: 1 }`);
    expect(inspect(subscriber)).toBe(`Subscriber { channel: '${name}', closed, handled up to: 1 }`);
  });
});

describe('listening', () => {
  it('to an event that there is not is refused, with those that there are', async () => {
    const subscriber = await subscriberOf(define());
    for (const method of ['on', 'once', 'off'] as const) {
      expect(() => subscriber[method]('closed' as never, () => {})).toThrow(
        /event must be 'message' or 'gap' or 'slow' or 'error' or 'publisherJoined' or 'publisherLeft' or 'publishersGone' or 'close', not 'closed'/,
      );
      expect(() => subscriber[method]('message', undefined as never)).toThrow(/listener must be a function/);
    }
  });

  it('after the end is refused', async () => {
    const subscriber = await subscriberOf(define());
    const listener = () => {};
    subscriber.on('gap', listener);
    await subscriber.close();
    expect(await codeOf(() => subscriber.on('gap', listener))).toBe('CLOSED');
    expect(await codeOf(() => subscriber.once('close', listener))).toBe('CLOSED');
    subscriber.off('gap', listener);
  });
});
