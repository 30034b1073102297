import { describe, expect, it } from 'vitest';
import { killed, sayAll, startAgent } from '../e2e/channel-agent.js';
import { define, fill, publisherOf, subscriberOf } from '../support/channels.js';
import { ownDirectory } from '../support/own-directory.js';
import { readTable, someoneSleeps, tableWhere } from '../support/slots.js';
import { startWorker } from './start-worker.js';

ownDirectory('terminated');

/** How often what depends on the moment is tried. */
const ROUNDS = process.platform === 'win32' ? 5 : 20;

describe('a Worker that is terminated', () => {
  it('as a reliable subscriber holds no publisher back who waits for its room', async () => {
    const channel = define();
    const worker = await startWorker({ act: 'hang', channel: channel.name });
    const publisher = await publisherOf(channel);
    publisher.tryPublish(0);
    await worker.said('taken');
    fill(publisher);
    const waiting = publisher.publish(1);
    await tableWhere(channel.name, someoneSleeps);
    await worker.terminate();
    await waiting;
    expect(readTable(channel.name)).toMatchObject({ roomWaiters: 0, slots: [{ state: 1 }] });
  });

  it('as a reliable subscriber holds no publisher back who does not wait', async () => {
    const channel = define();
    const worker = await startWorker({ act: 'hang', channel: channel.name });
    const publisher = await publisherOf(channel);
    publisher.tryPublish(0);
    await worker.said('taken');
    fill(publisher);
    await worker.terminate();
    expect(publisher.tryPublish(1)).toBe('published');
    expect(readTable(channel.name).slots).toHaveLength(1);
  });

  it.each(['reliable', 'lossy'] as const)('asleep, %s, is reclaimed by who rings it', async (delivery) => {
    const channel = define();
    const worker = await startWorker({ act: 'listen', channel: channel.name, delivery });
    const publisher = await publisherOf(channel);
    publisher.tryPublish(1);
    await worker.said('message 1 1');
    // This sleep is a new one, for which no bell was rung.
    await tableWhere(channel.name, someoneSleeps);
    await worker.terminate();
    expect(publisher.tryPublish(2)).toBe('published');
    const { sleepers } = await tableWhere(channel.name, ({ slots }) => slots.length === 1);
    expect(sleepers).toBe(0);
  });

  it('between the ring and its waking is reclaimed in the end', async () => {
    const channel = define();
    const worker = await startWorker({ act: 'listen', channel: channel.name, delivery: 'lossy' });
    const publisher = await publisherOf(channel);
    publisher.tryPublish(1);
    await worker.said('message 1 1');
    await tableWhere(channel.name, someoneSleeps);
    const gone = worker.terminate();
    publisher.tryPublish(2);
    await gone;
    const { sleepers } = await tableWhere(channel.name, ({ slots }) => {
      for (let count = 0; count < 1000; count++) publisher.tryPublish(3);
      return slots.length === 1;
    });
    expect(sleepers).toBe(0);
  });

  it('in two roles and two channels is reclaimed in all of them', async () => {
    const there = define();
    const back = define();
    // Keeps the channel from ending with the Worker; it watches over no other participant.
    await subscriberOf(there, { delivery: 'lossy' });
    const worker = await startWorker({ act: 'relay', channel: there.name, other: back.name });
    const subscriber = await subscriberOf(back, { closeWithPublishers: true });
    const lost = new Promise((resolve) => subscriber.once('publishersGone', resolve));
    subscriber.on('message', () => {});
    await worker.terminate();
    // Reclaimed here first: what proves the death must still be there for the other channel.
    expect(await lost).toEqual({ reason: 'died' });
    await publisherOf(there);
    expect(readTable(there.name).slots.map(({ state }) => state)).toEqual([3, 1]);
  });

  it('as a publisher in the middle of publishing is lost; the next one goes on with the next number', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel, { delivery: 'lossy' });
    let due = 1;
    subscriber.on('message', ({ sequence }) => expect(sequence).toBe(due++));
    subscriber.on('gap', ({ from, to }) => {
      expect(from).toBe(due);
      due = to + 1;
    });
    for (let round = 1; round <= ROUNDS; round++) {
      const worker = await startWorker({ act: 'flood', channel: channel.name, count: 100 * round });
      const lost = new Promise((resolve) => subscriber.once('publishersGone', resolve));
      await worker.terminate();
      expect(await lost).toEqual({ reason: 'died' });
      const publisher = await channel.publisher();
      await publisher.publish(0);
      const closed = new Promise((resolve) => subscriber.once('publishersGone', resolve));
      await publisher.close();
      expect(await closed).toEqual({ reason: 'left' });
      expect(readTable(channel.name)).toMatchObject({ publisherLock: 0, slots: [{ state: 3 }] });
    }
  });

  it('as a publisher that holds the lock is lost, and the lock is taken over', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const taken = new Promise((resolve) => subscriber.once('message', ({ value }) => resolve(value)));
    const lost = new Promise((resolve) => subscriber.once('publishersGone', resolve));
    const worker = await startWorker({ act: 'lock', channel: channel.name }, 'holds');
    await worker.terminate();
    expect(await lost).toEqual({ reason: 'died' });
    const publisher = await publisherOf(channel);
    expect(publisher.tryPublish(7)).toBe('published');
    expect(await taken).toBe(7);
  });

  it('as a publisher that holds the lock keeps no other publisher busy', async () => {
    const channel = define();
    const publisher = await publisherOf(channel);
    const worker = await startWorker({ act: 'lock', channel: channel.name }, 'holds');
    expect(publisher.tryPublish(1)).toBe('busy');
    const waiting = publisher.publish(2);
    await worker.terminate();
    await waiting;
    expect(publisher.tryPublish(3)).toBe('published');
  });

  it('as a publisher that waits for room is lost, and nothing of what it published', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const worker = await startWorker({ act: 'wait', channel: channel.name }, 'full');
    const filled = Number(await worker.next());
    await tableWhere(channel.name, someoneSleeps);
    await worker.terminate();
    const lost = new Promise((resolve) => subscriber.once('publishersGone', resolve));
    let count = 0;
    subscriber.on('message', ({ sequence }) => expect(sequence).toBe(++count));
    expect(await lost).toEqual({ reason: 'died' });
    expect(count).toBe(filled);
    expect(readTable(channel.name)).toMatchObject({ roomWaiters: 0, slots: [{ state: 2 }] });
  });

  it('is heard to die by other processes, while its own lives', async () => {
    const channel = define();
    const subscriber = await startAgent('subscriber', channel.name, sayAll);
    const worker = await startWorker({ act: 'flood', channel: channel.name, count: 1 });
    await subscriber.waitForLine(/^message 1 1$/);
    await worker.terminate();
    await subscriber.waitForLine(/^gone died$/);
    await killed(subscriber);
    const next = await channel.publisher();
    await next.close();
  });

  it('as the last one leaves nothing that the next one trips over', async () => {
    const channel = define();
    const worker = await startWorker({ act: 'flood', channel: channel.name, count: 3 });
    await worker.terminate();
    const subscriber = await subscriberOf(channel);
    const first = new Promise((resolve) =>
      subscriber.once('message', ({ value, sequence }) => resolve([sequence, value])),
    );
    const publisher = await publisherOf(channel);
    expect(publisher.tryPublish(7)).toBe('published');
    // The channel is a new one.
    expect(await first).toEqual([1, 7]);
    expect(readTable(channel.name).slots).toHaveLength(2);
  });
});
