import { describe, expect, it } from 'vitest';
import { define, publisherOf, subscriberOf } from '../support/channels.js';
import { ownDirectory } from '../support/own-directory.js';
import { readTable, someoneSleeps, tableWhere } from '../support/slots.js';
import { startWorker } from './start-worker.js';

ownDirectory('workers');

describe('Workers of one process', () => {
  it('are participants of their own, each with a port of its own', async () => {
    const channel = define();
    await publisherOf(channel);
    await subscriberOf(channel);
    const workers = [await startWorker({ act: 'listen', channel: channel.name })];
    workers.push(await startWorker({ act: 'listen', channel: channel.name, delivery: 'lossy' }));
    const { slots } = readTable(channel.name);
    expect(slots.map(({ state }) => state)).toEqual([1, 2, 2, 3]);
    expect(new Set(slots.map(({ pid }) => pid))).toEqual(new Set([process.pid]));
    const [publisher, subscriber, ...others] = slots;
    expect(subscriber?.nonce).toBe(publisher?.nonce);
    expect(new Set(slots.map(({ nonce }) => nonce)).size).toBe(1 + others.length);
    // Where a thread has a life line of its own.
    const threads = process.platform === 'win32' ? 3 : 1;
    expect(new Set(slots.map(({ threadId }) => threadId)).size).toBe(threads);
    for (const worker of workers) {
      worker.dismiss();
      expect(await worker.ended).toBe(0);
    }
    expect(readTable(channel.name).slots).toHaveLength(2);
  });

  it('hear everything that the main thread publishes', async () => {
    const channel = define();
    const task = { act: 'sum', channel: channel.name } as const;
    const workers = await Promise.all([startWorker(task), startWorker(task), startWorker(task)]);
    const publisher = await publisherOf(channel);
    for (let value = 1; value <= 2000; value++) await publisher.publish(value);
    await publisher.close();
    for (const worker of workers) {
      expect(await worker.next()).toBe('sum 2001000');
      expect(await worker.ended).toBe(0);
    }
  });

  it('publish to the main thread, each in its order', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel, { closeWithPublishers: true });
    // Keeps the channel from closing between the two.
    const keeper = await publisherOf(channel);
    const task = { act: 'publish', channel: channel.name, count: 1000 } as const;
    const workers = await Promise.all([startWorker(task), startWorker(task)]);
    void Promise.all(workers.map(({ ended }) => ended)).then(() => keeper.close());
    const due = new Map<number, number>();
    let count = 0;
    for await (const { value, sequence, publisher } of subscriber) {
      expect(sequence).toBe(++count);
      expect(value).toBe((due.get(publisher) ?? 0) + 1);
      due.set(publisher, value);
    }
    expect([...due.values()]).toEqual([1000, 1000]);
  });

  it('take several roles on several channels at once', async () => {
    const there = define();
    const back = define();
    const worker = await startWorker({ act: 'relay', channel: there.name, other: back.name });
    const subscriber = await subscriberOf(back, { closeWithPublishers: true });
    const publisher = await publisherOf(there);
    const heard = (async () => {
      let sum = 0;
      for await (const { value } of subscriber) sum += value;
      return sum;
    })();
    for (let value = 1; value <= 1000; value++) await publisher.publish(value);
    await publisher.close();
    expect(await heard).toBe(5_005_000);
    expect(await worker.next()).toBe('watched 1000');
    expect(await worker.ended).toBe(0);
  });

  it('wake one another out of their sleep, message by message', async () => {
    const channel = define();
    const publisher = await publisherOf(channel);
    const worker = await startWorker({ act: 'listen', channel: channel.name });
    for (let value = 1; value <= 20; value++) {
      await tableWhere(channel.name, someoneSleeps);
      publisher.tryPublish(value);
      expect(await worker.next()).toBe(`message ${value} ${value}`);
    }
    worker.dismiss();
    await worker.ended;
  });
});
