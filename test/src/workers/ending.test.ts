import { describe, expect, it } from 'vitest';
import { define, subscriberOf } from '../support/channels.js';
import { ownDirectory } from '../support/own-directory.js';
import { tableWhere } from '../support/slots.js';
import { TestWorker } from './start-worker.js';

ownDirectory('ending');

describe('a Worker that ends', () => {
  it.each([
    ['by itself', 'fade', 0, undefined],
    ['by process.exit', 'exit', 3, undefined],
    ['by an uncaught error', 'fail', 1, 'mine'],
  ] as const)('%s leaves the channel in good order', async (_, act, code, message) => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const heard: unknown[] = [];
    subscriber.on('message', ({ value }) => heard.push(value));
    const closed = new Promise((resolve) => subscriber.once('publishersGone', resolve));
    const worker = new TestWorker({ act, channel: channel.name });
    expect(await worker.ended).toBe(code);
    expect((worker.error as Error | undefined)?.message).toBe(message);
    expect(await closed).toEqual({ reason: 'left' });
    expect(heard).toEqual([1]);
    const { slots, sleepers, roomWaiters } = await tableWhere(channel.name, (table) => table.sleepers === 1);
    expect(slots).toHaveLength(1);
    expect([sleepers, roomWaiters]).toEqual([1, 0]);
  });
});
