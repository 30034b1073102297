import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { define, publisherOf, subscriberOf } from '../support/channels.js';
import { startProgram } from '../support/spawn.js';
import { uniqueName } from '../support/unique-name.js';

describe('with the fake timers of vitest', () => {
  beforeEach(() => {
    vi.useFakeTimers({
      toFake: [
        'setTimeout',
        'clearTimeout',
        'setImmediate',
        'clearImmediate',
        'setInterval',
        'clearInterval',
        'Date',
        'performance',
        'hrtime',
        'queueMicrotask',
      ],
    });
  });
  // Before what the support closes.
  afterEach(() => {
    vi.useRealTimers();
  });

  it('messages arrive, by events and by iteration, and everything settles', async () => {
    const channel = define();
    const listening = await subscriberOf(channel);
    const iterating = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const iterator = iterating[Symbol.asyncIterator]();
    const heard = new Promise((resolve) => listening.on('message', ({ value }) => resolve(value)));
    const pulled = iterator.next();
    await publisher.publish(7);
    expect(await heard).toBe(7);
    expect(await pulled).toMatchObject({ value: { value: 7 } });
    await iterator.return();
    await publisher.drain();
    await listening.drain();
    await iterating.close();
  });

  it('what takes too long ends by its timeout', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    await publisher.publish(1);
    await expect(publisher.drain({ timeout: 5 })).rejects.toMatchObject({ code: 'TIMEOUT' });
    await subscriber[Symbol.asyncIterator]().next();
    await expect(subscriber.drain({ timeout: 5 })).rejects.toMatchObject({ code: 'TIMEOUT' });
  });
});

describe('with the mocked timers of node:test', () => {
  it('messages arrive, and everything settles', async () => {
    const output = await startProgram('mocked-timers', {
      args: [uniqueName('mocked')],
      nodeArgs: ['--no-warnings'],
    }).success();
    expect(output).toBe('heard 7\ndrained\n');
  });
});
