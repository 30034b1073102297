import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { openBus } from '@mmfbus/channel';
import { raw } from '@mmfbus/codec';
import { describe, expect, it } from 'vitest';
import { exitAtEndOfInput, startAgent } from '../e2e/channel-agent.js';
import { codeOf, define, fill, publisherOf, subscriberOf } from '../support/channels.js';
import { ownDirectory } from '../support/own-directory.js';
import { holdLock, someoneSleeps, tableWhere } from '../support/slots.js';

const directory = ownDirectory('waiting');

/** Lets that many microtasks run, and then calls back. */
function afterMicrotasks(count: number, callback: () => void): void {
  if (count === 0) callback();
  else queueMicrotask(() => afterMicrotasks(count - 1, callback));
}

async function settled(promise: Promise<unknown>): Promise<'fulfilled' | 'rejected'> {
  const [{ status }] = await Promise.allSettled([promise]);
  return status;
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('a call that waits has one outcome', () => {
  it.each(['publish', 'publishAll'] as const)('%s, whenever it is aborted', async (call) => {
    for (let microtasks = 0; microtasks < 30; microtasks++) {
      const channel = define<Uint8Array>({ codec: raw() });
      const subscriber = await subscriberOf(channel);
      const publisher = await publisherOf(channel);
      // What is split goes into the line, and so does what comes behind it.
      const first = publisher.publish(new Uint8Array(2000));
      const abort = new AbortController();
      const value = new Uint8Array(3);
      const second = publisher[call]((call === 'publish' ? value : [value]) as never, {
        signal: abort.signal,
      });
      afterMicrotasks(microtasks, () => abort.abort(new Error('enough')));
      const outcomes = await Promise.all([settled(first), settled(second)]);
      await turn();
      const lengths: number[] = [];
      subscriber.poll(({ value: { length } }) => lengths.push(length));
      const whole = outcomes[1] === 'fulfilled' ? [2000, 3] : [2000];
      expect({ microtasks, outcomes, lengths }).toEqual({
        microtasks,
        outcomes: ['fulfilled', outcomes[1]],
        lengths: whole,
      });
      await publisher.close();
      await subscriber.close();
    }
  });

  it('drain, whenever it is aborted', async () => {
    for (let microtasks = 0; microtasks < 20; microtasks++) {
      const channel = define();
      const publisher = await publisherOf(channel);
      publisher.tryPublish(1);
      const abort = new AbortController();
      const drained = settled(publisher.drain({ signal: abort.signal }));
      afterMicrotasks(microtasks, () => abort.abort(new Error('enough')));
      const isClosed = (await drained) === 'fulfilled';
      await turn();
      expect(await codeOf(() => publisher.tryPublish(2))).toBe(isClosed ? 'CLOSED' : 'no error');
      await publisher.close();
    }
  });

  it('and gives its place to the next one when it has failed', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const count = fill(publisher);
    const abort = new AbortController();
    const [aborted, late, patient] = [
      publisher.publish(1000, { signal: abort.signal }),
      publisher.publish(1001, { timeout: 1 }),
      publisher.publish(1002),
    ];
    await expect(late).rejects.toMatchObject({ code: 'TIMEOUT' });
    abort.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    const received: number[] = [];
    for await (const { value } of subscriber) if (received.push(value) === count + 1) break;
    await patient;
    expect(received.at(-1)).toBe(1002);
  });
});

describe('all calls settle', () => {
  const waits = (publisher: Awaited<ReturnType<typeof publisherOf<number>>>, signal?: AbortSignal) => [
    publisher.publish(1, { signal }),
    publisher.publishAll([2, 3], { signal }),
    publisher.flush({ signal }),
    publisher.publish(4, { signal }),
    publisher.drain({ signal }),
    publisher.drain({ signal }),
  ];

  it('when the publisher closes', async () => {
    const channel = define();
    await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    fill(publisher);
    const calls = waits(publisher);
    const closes = [publisher.close({ timeout: 0 }), publisher.close()];
    expect(closes[0]).toBe(closes[1]);
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'CLOSED' });
    await Promise.all(closes);
  });

  it('when a signal aborts, and the publisher goes on', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    fill(publisher);
    const abort = new AbortController();
    const calls = waits(publisher, abort.signal);
    abort.abort(new Error('enough'));
    for (const call of calls) await expect(call).rejects.toThrow('enough');
    subscriber.poll(() => {});
    expect(publisher.tryPublish(1)).toBe('published');
  });

  it('when the signal aborts while the value is encoded, and the publisher goes on', async () => {
    const channel = define<unknown>();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    fill(publisher);
    const abort = new AbortController();
    const value = { toJSON: () => abort.abort(new Error('enough')) };
    await expect(publisher.publish(value, { signal: abort.signal })).rejects.toThrow('enough');
    subscriber.poll(() => {});
    expect(publisher.tryPublish(1)).toBe('published');
  });

  it('with the name of the slowest subscriber, when the time is over', async () => {
    const channel = define();
    const slow = await subscriberOf(channel);
    await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    fill(publisher);
    slow.poll(() => {});
    await expect(publisher.publish(1, { timeout: 1 })).rejects.toThrow(
      'the reliable subscriber in slot 1 is',
    );
  });

  it('when drain is called twice, and once more', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    fill(publisher);
    const drains = [publisher.drain(), publisher.drain()];
    subscriber.on('message', () => {});
    await Promise.all(drains);
    expect(await codeOf(() => publisher.drain())).toBe('CLOSED');
    await publisher.close();
  });

  it('when the subscriber that they wait for is killed', async () => {
    const channel = define();
    const subscriber = await startAgent('subscriber', channel.name, 'setInterval(() => {}, 1000);');
    const publisher = await publisherOf(channel);
    const count = fill(publisher);
    const calls = [publisher.publish(count), publisher.drain()];
    await tableWhere(channel.name, someoneSleeps);
    subscriber.kill();
    await Promise.all(calls);
  });
});

describe('room that a subscriber makes', () => {
  it.each([
    { pollWindow: 1000, rings: 0 },
    { pollWindow: 0, rings: 1 },
  ])('is seen with a window of $pollWindow ms, for $rings rings', async ({ pollWindow, rings }) => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel, { pollWindow });
    const count = fill(publisher);
    const call = publisher.publish(count);
    // It looks, or sleeps, by the time that its event loop has turned.
    await turn();
    subscriber.poll(() => {});
    await call;
    expect(publisher.sequence).toBe(count + 1);
    const bus = await openBus();
    const participants = (await bus.inspect(channel.name))?.participants ?? [];
    await bus.close();
    expect(participants.find(({ role }) => role !== 'publisher')?.counters.wakeUps).toBe(rings);
  });

  it('comes too late for calls that have failed meanwhile', async () => {
    const channel = define();
    await subscriberOf(channel);
    const publisher = await publisherOf(channel, { pollWindow: 1000 });
    const call = publisher.publish(fill(publisher), { timeout: 1 });
    await expect(call).rejects.toMatchObject({ code: 'TIMEOUT' });
    await publisher.close();
  });
});

describe('drain', () => {
  it.skipIf(process.platform === 'win32')('rings a subscriber that could not be rung before', async () => {
    const channel = define();
    const subscriber = await startAgent(
      'subscriber',
      channel.name,
      `${exitAtEndOfInput} subscriber.on('message', ({ value }) => say('message', value));`,
    );
    const publisher = await publisherOf(channel);
    const { slots } = await tableWhere(channel.name, someoneSleeps);
    const sleeper = slots.find(({ asleep }) => asleep);
    const bell = join(directory, `mmfbus~${sleeper?.nonce.toString(16).padStart(16, '0')}.bell`);
    renameSync(bell, `${bell}-hidden`);
    expect(publisher.tryPublish(1)).toBe('published');
    renameSync(`${bell}-hidden`, bell);
    await Promise.all([publisher.drain(), subscriber.waitForLine(/^message 1$/)]);
    subscriber.endInput();
    await subscriber.success();
  });
});

describe('while another process holds the lock', () => {
  it('publish is busy, and a counter tells how often', async () => {
    const channel = define();
    const publisher = await publisherOf(channel);
    await publisherOf(channel);
    const release = holdLock(channel.name, 1);
    expect(publisher.tryPublish(1)).toBe('busy');
    expect(publisher.tryPublishAll([1, 2])).toBe('busy');
    release();
    expect(publisher.tryPublish(1)).toBe('published');
    const bus = await openBus();
    const participants = (await bus.inspect(channel.name))?.participants ?? [];
    await bus.close();
    expect(participants.map(({ counters }) => counters.busy)).toEqual([2, 0]);
  });

  it('a subscriber that may be left alone does not keep its process alive', async () => {
    const channel = define();
    await publisherOf(channel);
    const subscriber = await startAgent(
      'subscriber',
      channel.name,
      `subscriber.unref();
       process.stdin.once('data', async () => {
         subscriber.on('message', () => {});
         for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
         process.stdin.destroy();
       });`,
    );
    const release = holdLock(channel.name, 0);
    try {
      subscriber.send('go');
      await subscriber.success();
    } finally {
      release();
    }
  });

  it.each([
    ['a timeout', () => ({ timeout: 1 }), 'TIMEOUT'],
    ['a signal', () => ({ signal: AbortSignal.timeout(1) }), 'TimeoutError'],
  ])('what waits ends by %s', async (_, options, expected) => {
    const channel = define();
    const publisher = await publisherOf(channel);
    await publisherOf(channel);
    const release = holdLock(channel.name, 1);
    const errors: string[] = [];
    for (const call of [publisher.publish(1, options()), publisher.publishAll([1], options())]) {
      await call.catch((error: { code?: string; name: string }) =>
        errors.push(expected === 'TIMEOUT' ? String(error.code) : error.name),
      );
    }
    expect(errors).toEqual([expected, expected]);
    release();
    await publisher.publish(1);
  });
});
