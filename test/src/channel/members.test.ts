import type { Publisher, PublisherEvents, Subscriber, SubscriberEvents } from '@mmfbus/channel';
import { describe, expect, it } from 'vitest';
import { codeOf, define, fill, publisherOf, subscriberOf } from '../support/channels.js';
import { ownDirectory } from '../support/own-directory.js';
import { type Program, startProgram } from '../support/spawn.js';
import { uniqueName } from '../support/unique-name.js';

ownDirectory('members');

async function start(channel: string, role: 'publisher' | 'subscriber'): Promise<Program> {
  const program = startProgram('starving', { args: [channel, role] });
  await program.waitForLine(/^joined$/);
  return program;
}

/** What is told, line by line. */
class Log {
  readonly lines: string[] = [];
  #wake: () => void = () => {};

  add(...words: readonly unknown[]): void {
    this.lines.push(words.join(' '));
    this.#wake();
  }

  /** Returns when there are so many. */
  async has(count: number): Promise<readonly string[]> {
    while (this.lines.length < count) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.lines;
  }
}

function logOfPublishers(subscriber: Subscriber<number>): Log {
  const log = new Log();
  subscriber.on('publisherJoined', ({ slot, name, pid }) => log.add('joined', slot, name, pid));
  subscriber.on('publisherLeft', ({ slot, name, pid, reason, remaining }) =>
    log.add('left', slot, name, pid, reason, remaining),
  );
  subscriber.on('publishersGone', ({ reason }) => log.add('gone', reason));
  return log;
}

function logOfSubscribers(publisher: Publisher<number>): Log {
  const log = new Log();
  publisher.on('subscriberJoined', ({ slot, name, pid, delivery }) =>
    log.add('joined', slot, name, pid, delivery),
  );
  publisher.on('subscriberLeft', ({ slot, name, pid, delivery, reason, remaining }) =>
    log.add('left', slot, name, pid, delivery, reason, remaining),
  );
  return log;
}

describe('a subscriber is told of publishers', () => {
  it('that join and leave while it sleeps, after all that they published', async () => {
    const channel = define();
    await publisherOf(channel, { name: 'there before' });
    const subscriber = await subscriberOf(channel);
    const log = logOfPublishers(subscriber);
    subscriber.on('message', ({ value }) => log.add('message', value));
    const first = await publisherOf(channel, { name: 'first' });
    await log.has(1);
    const second = await publisherOf(channel, { name: 'second' });
    await log.has(2);
    for (let value = 1; value <= 3; value++) first.tryPublish(value);
    await first.close();
    await log.has(6);
    await second.close();
    expect(await log.has(7)).toEqual([
      `joined 2 first ${process.pid}`,
      `joined 3 second ${process.pid}`,
      'message 1',
      'message 2',
      'message 3',
      `left 2 first ${process.pid} left 2`,
      `left 3 second ${process.pid} left 1`,
    ]);
  });

  it('that die', async () => {
    const name = uniqueName();
    const subscriber = await subscriberOf(define({ name }));
    const log = logOfPublishers(subscriber);
    subscriber.on('message', ({ value }) => log.add('message', value));
    const publisher = await start(name, 'publisher');
    await log.has(1);
    publisher.send('publish');
    await log.has(2);
    publisher.kill();
    expect(await log.has(4)).toEqual([
      `joined 1  ${publisher.pid}`,
      'message 7',
      `left 1  ${publisher.pid} died 0`,
      'gone died',
    ]);
  });

  it('one by one where several have ended between two looks', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const log = logOfPublishers(subscriber);
    const publishers = [await publisherOf(channel, { name: 'a' }), await publisherOf(channel, { name: 'b' })];
    expect(subscriber.poll(() => {})).toBe(0);
    for (const publisher of publishers) await publisher.close();
    const next = await publisherOf(channel, { name: 'c' });
    expect(subscriber.poll(() => {})).toBe(0);
    expect(log.lines).toEqual([
      `joined 1 a ${process.pid}`,
      `joined 2 b ${process.pid}`,
      `joined 1 c ${process.pid}`,
      `left 1 a ${process.pid} left 1`,
      `left 2 b ${process.pid} left 1`,
      'gone left',
    ]);
    await next.close();
    // Its slot has had two others since, so that its end is no longer known.
    await (await publisherOf(channel, { name: 'd' })).close();
    await publisherOf(channel, { name: 'e' });
    subscriber.poll(() => {});
    expect(log.lines.slice(6)).toEqual([
      `joined 1 e ${process.pid}`,
      `left 1 c ${process.pid} unknown 1`,
      'gone left',
    ]);
  });

  it('only when all was read: a listener for one message leaves the rest to come first', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const log = logOfPublishers(subscriber);
    const publisher = await publisherOf(channel);
    for (let value = 1; value <= 2; value++) publisher.tryPublish(value);
    await publisher.close();
    subscriber.once('message', ({ value }) => log.add('message', value));
    await log.has(1);
    subscriber.on('message', ({ value }) => log.add('message', value));
    await log.has(3);
    expect(log.lines.filter((line) => !line.startsWith('left'))).toEqual([
      'message 1',
      'message 2',
      'gone left',
    ]);
  });

  it('and may close in the middle of it', async () => {
    const channel = define();
    for (const event of ['publisherJoined', 'publisherLeft'] as const) {
      const subscriber = await subscriberOf(channel);
      const log = logOfPublishers(subscriber);
      subscriber.on('close', ({ reason }) => log.add('close', reason));
      subscriber.on(event satisfies keyof SubscriberEvents<number>, () => void subscriber.close());
      subscriber.on('message', () => {});
      const publisher = await publisherOf(channel);
      await log.has(1);
      await publisher.close();
      await subscriber.closed;
      expect(log.lines.at(-1)).toBe('close local');
      expect(log.lines).not.toContain('gone left');
    }
  });
});

describe('a publisher is told of subscribers', () => {
  it('that join and leave, as long as it listens', async () => {
    const channel = define();
    const publisher = await publisherOf(channel);
    await subscriberOf(channel, { name: 'there before' });
    const log = logOfSubscribers(publisher);
    const first = await subscriberOf(channel, { name: 'first' });
    const second = await subscriberOf(channel, { name: 'second', delivery: 'lossy' });
    await log.has(2);
    await first.close();
    await log.has(3);
    await second.close();
    expect(await log.has(4)).toEqual([
      `joined 2 first ${process.pid} reliable`,
      `joined 3 second ${process.pid} lossy`,
      `left 2 first ${process.pid} reliable left 2`,
      `left 3 second ${process.pid} lossy left 1`,
    ]);
  });

  it('that die', async () => {
    const name = uniqueName();
    const publisher = await publisherOf(define({ name }));
    const log = logOfSubscribers(publisher);
    const subscriber = await start(name, 'subscriber');
    await log.has(1);
    subscriber.kill();
    expect(await log.has(2)).toEqual([
      `joined 1  ${subscriber.pid} reliable`,
      `left 1  ${subscriber.pid} reliable died 0`,
    ]);
  });

  it('that it gave up itself, and also while it waits for room', async () => {
    const channel = define();
    const publisher = await publisherOf(channel);
    const log = logOfSubscribers(publisher);
    const slow = await subscriberOf(channel, { name: 'slow' });
    await log.has(1);
    fill(publisher);
    const waiting = publisher.publish(1);
    await subscriberOf(channel, { name: 'other', delivery: 'lossy' });
    await log.has(2);
    const impatient = await publisherOf(channel, { slowSubscribers: 'disconnect' });
    expect(impatient.tryPublish(2)).toBe('published');
    await waiting;
    expect(await log.has(3)).toEqual([
      `joined 1 slow ${process.pid} reliable`,
      `joined 2 other ${process.pid} lossy`,
      `left 1 slow ${process.pid} reliable disconnected 1`,
    ]);
    expect(publisher.subscriberCount).toBe(1);
    await slow.close();
  });

  it('no more when it listens no more, and not after it has closed', async () => {
    const channel = define();
    const publisher = await publisherOf(channel);
    const seen: string[] = [];
    const listener = ({ name }: PublisherEvents['subscriberJoined'][0]) => seen.push(name);
    publisher.once('subscriberJoined', listener);
    const other = logOfSubscribers(await publisherOf(channel));
    await subscriberOf(channel, { name: 'one' });
    await other.has(1);
    await subscriberOf(channel, { name: 'two' });
    await other.has(2);
    expect(seen).toEqual(['one']);
    publisher.on('subscriberJoined', listener);
    publisher.off('subscriberJoined', listener);
    publisher.on('subscriberJoined', listener);
    await publisher.close();
    await subscriberOf(channel, { name: 'three' });
    await other.has(3);
    expect(seen).toEqual(['one']);
    expect(await codeOf(() => publisher.on('subscriberJoined', listener))).toBe('CLOSED');
  });

  it('and refuses events that there are not', async () => {
    const publisher = await publisherOf(define());
    expect(() => publisher.on('message' as never, () => {})).toThrow(
      /event must be 'subscriberJoined' or 'subscriberLeft', not 'message'/,
    );
    expect(() => publisher.on('subscriberJoined', 5 as never)).toThrow(/listener must be a function, not 5/);
  });
});

describe('waiting for subscribers', () => {
  it('ends when there are so many, in whatever process, however many wait', async () => {
    const name = uniqueName();
    const channel = define({ name });
    const publisher = await publisherOf(channel);
    const counts = [1, 2, 3, 2].map((count) => publisher.waitForSubscribers(count));
    await start(name, 'subscriber');
    expect(await counts[0]).toBe(1);
    await subscriberOf(channel, { delivery: 'lossy' });
    expect(await Promise.all([counts[1], counts[3]])).toEqual([2, 2]);
    await start(name, 'subscriber');
    expect(await counts[2]).toBe(3);
    expect(await publisher.waitForSubscribers()).toBe(3);
  });

  it('ends by its timeout, its signal and closing, each with its error', async () => {
    const publisher = await publisherOf(define({ name: uniqueName() }));
    await expect(publisher.waitForSubscribers(2, { timeout: 1 })).rejects.toThrow(
      /there are 0 subscribers after 1 ms, fewer than 2/,
    );
    expect(await codeOf(() => publisher.waitForSubscribers(1, { timeout: 0 }))).toBe('TIMEOUT');
    const abort = new AbortController();
    const aborted = publisher.waitForSubscribers(1, { signal: abort.signal });
    const closed = codeOf(() => publisher.waitForSubscribers(1));
    abort.abort('enough');
    await expect(aborted).rejects.toBe('enough');
    await publisher.close();
    expect(await closed).toBe('CLOSED');
    expect(await codeOf(() => publisher.waitForSubscribers(1))).toBe('CLOSED');
  });

  it.each([0, 1.5, '1', 1025])('refuses %j of them', async (count) => {
    const publisher = await publisherOf(define());
    expect(await codeOf(() => publisher.waitForSubscribers(count as number))).toBe('INVALID_ARGUMENT');
  });

  it('goes on when one leaves again, while messages wait for room too', async () => {
    const channel = define();
    const publisher = await publisherOf(channel);
    const held = await subscriberOf(channel);
    fill(publisher);
    const published = publisher.publish(1);
    const waiting = publisher.waitForSubscribers(3);
    await (await subscriberOf(channel)).close();
    await subscriberOf(channel, { delivery: 'lossy' });
    held.poll(() => {});
    await published;
    await subscriberOf(channel, { delivery: 'lossy' });
    expect(await waiting).toBe(3);
  });
});
