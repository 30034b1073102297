import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { ChannelError } from '@mmfbus/channel';
import { CodecError } from '@mmfbus/codec';
import { MmfError } from '@mmfbus/core';
import { describe, expect, it } from 'vitest';
import { codeOf, define, publisherOf, subscriberOf } from '../support/channels.js';
import { ownDirectory } from '../support/own-directory.js';
import { secondCopyOf } from '../support/second-copy.js';

ownDirectory('objects');

const copies = (['channel', 'codec', 'core'] as const).map((name) =>
  pathToFileURL(join(secondCopyOf(name), 'dist', 'index.js')),
);

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('what is shown', () => {
  it('of a channel and those who take part says which, in what state, and how far', async () => {
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
        /event must be 'message' or 'gap' or 'slow' or 'error' or 'publishersGone' or 'close', not 'closed'/,
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

describe('errors of another copy of a package', () => {
  it('are instances of this one’s classes, but of none that extends them', async () => {
    const [channel, codec, core] = await Promise.all(copies.map((url) => import(url.href)));
    const errors = [
      thrownBy(() => channel.defineChannel({ name: '' })),
      thrownBy(() => codec.raw({ copy: 1 })),
      thrownBy(() => core.MemoryMappedFile.open('')),
    ];
    const classes = [ChannelError, CodecError, MmfError];
    const found = errors.map((error) => classes.map((one) => error instanceof one));
    expect(found).toEqual([
      [true, false, false],
      [false, true, false],
      [false, false, true],
    ]);
    for (const [index, error] of errors.entries()) {
      expect(error?.constructor).not.toBe(classes[index]);
    }
    class Mine extends ChannelError {}
    expect(errors[0] instanceof Mine).toBe(false);
    expect(new Mine('CLOSED', 'a', 'b') instanceof Mine).toBe(true);
    expect(new Mine('CLOSED', 'a', 'b') instanceof ChannelError).toBe(true);
    for (const value of [undefined, null, 1, 'a', {}, new Error('a')]) {
      expect(value instanceof ChannelError).toBe(false);
    }
  });
});
