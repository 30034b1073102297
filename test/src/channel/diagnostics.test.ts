import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { join } from 'node:path';
import { openSegment } from '@mmfbus/core/internal';
import { afterEach, describe, expect, it } from 'vitest';
import { define, fill, publisherOf, subscriberOf } from '../support/channels.js';
import { rawMemory } from '../support/raw-memory.js';
import { startCode } from '../support/spawn.js';
import { uniqueName } from '../support/unique-name.js';
import { workspaceRoot } from '../support/workspace.js';

// Offsets as FORMAT.md has them.
const PARTICIPANTS = 512;
const PARTICIPANT_LENGTH = 256;
const FRAMES_OFFSET = 128;
const PUBLISHER_LOCK = 192;

const listeners: [string, (message: unknown) => void][] = [];

afterEach(() => {
  for (const [name, listener] of listeners.splice(0)) unsubscribe(name, listener);
});

/** What Node's diagnostics channel of that name carries from now on, but for other tests' channels. */
function heard(name: string, channel: string): unknown[] {
  const messages: unknown[] = [];
  const listener = (message: unknown) => {
    if ((message as { channel: string }).channel === channel) messages.push(message);
  };
  subscribe(name, listener);
  listeners.push([name, listener]);
  return messages;
}

/** Frames, bytes, full, missed, wakeUps and busy of a slot. */
function counters(channel: string, slot: number): number[] {
  const segment = openSegment({ name: channel, disposition: 'open', size: 0 });
  const offset = PARTICIPANTS + slot * PARTICIPANT_LENGTH + FRAMES_OFFSET;
  const values = [...new BigUint64Array(rawMemory(segment.memory), offset, 6)].map(Number);
  segment.close();
  return values;
}

describe('diagnostics', () => {
  it('tell who comes and goes', async () => {
    const channel = define();
    const [opened, closed] = [heard('mmfbus:open', channel.name), heard('mmfbus:close', channel.name)];
    const subscriber = await subscriberOf(channel, { delivery: 'lossy' });
    const publisher = await publisherOf(channel);
    await publisher.close();
    await subscriber.close();
    const lossy = { channel: channel.name, role: 'subscriber', delivery: 'lossy', slot: 0 };
    const publishing = { channel: channel.name, role: 'publisher', delivery: undefined, slot: 1 };
    expect(opened).toEqual([lossy, publishing]);
    expect(closed).toEqual([publishing, lossy]);
  });

  it('tell of gaps and of the slow', async () => {
    const channel = define();
    const [gaps, slow] = [heard('mmfbus:gap', channel.name), heard('mmfbus:slow', channel.name)];
    const subscriber = await subscriberOf(channel, { delivery: 'lossy' });
    const publisher = await publisherOf(channel);
    for (let value = 1; value <= 1000; value++) publisher.tryPublish(value);
    const count = 1000 - subscriber.poll(() => {});
    const self = { channel: channel.name, role: 'subscriber', delivery: 'lossy', slot: 0 };
    expect(gaps).toEqual([{ ...self, from: 1, to: count, count }]);
    expect(slow).toEqual([{ ...self, lag: expect.any(Number), capacity: 4096 }]);
  });
});

describe('a subscriber to diagnostics', () => {
  it('runs without the publisher lock', async () => {
    const channel = define();
    const locks: number[] = [];
    const lookAtLock = (message: unknown) => {
      if ((message as { channel: string }).channel !== channel.name) return;
      const segment = openSegment({ name: channel.name, disposition: 'open', size: 0 });
      locks.push(new Int32Array(rawMemory(segment.memory), PUBLISHER_LOCK, 1)[0] as number);
      segment.close();
    };
    subscribe('mmfbus:open', lookAtLock);
    listeners.push(['mmfbus:open', lookAtLock]);
    await subscriberOf(channel);
    await subscriberOf(channel, { delivery: 'lossy' });
    await publisherOf(channel);
    expect(locks).toEqual([0, 0, 0]);
  });

  it('that throws is reported by Node, and breaks nothing', async () => {
    const program = startCode(
      `
      import { subscribe } from 'node:diagnostics_channel';
      import { defineChannel } from '@mmfbus/channel';
      const errors = [];
      process.on('uncaughtException', (error) => errors.push(error.message));
      for (const event of ['open', 'close', 'gap', 'slow']) {
        subscribe('mmfbus:' + event, () => { throw new Error(event); });
      }
      const channel = defineChannel({ name: '${uniqueName()}', capacity: 4096 });
      const subscriber = await channel.subscriber({ delivery: 'lossy' });
      const publisher = await channel.publisher();
      for (let value = 0; value < 1000; value++) publisher.tryPublish(value);
      let last;
      subscriber.poll(({ value }) => { last = value; });
      await publisher.close();
      await subscriber.close();
      await new Promise(setImmediate);
      console.log(last, errors.join());
    `,
      { cwd: join(workspaceRoot, 'test') },
    );
    expect(await program.success()).toBe('999 open,open,gap,slow,close,close\n');
  });
});

describe('counters', () => {
  it('stand in the segment for all to read, each participant with its own', async () => {
    const channel = define();
    const reliable = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const count = fill(publisher);
    expect(counters(channel.name, 1)).toEqual([count, count, 1, 0, 0, 0]);
    expect(counters(channel.name, 0)).toEqual([0, 0, 0, 0, 0, 0]);
    reliable.poll(() => {});
    expect(counters(channel.name, 0)).toEqual([count, count, 0, 0, 0, 0]);
    await reliable.close();
    const lossy = await subscriberOf(channel, { delivery: 'lossy' });
    expect(counters(channel.name, 0)).toEqual([0, 0, 0, 0, 0, 0]);
    for (let value = 0; value < 1000; value++) publisher.tryPublish(value % 100);
    const taken = lossy.poll(() => {});
    expect(counters(channel.name, 0)).toEqual([taken, taken, 0, 1000 - taken, 0, 0]);
  });

  it('count those that were woken', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel, { pollWindow: 0 });
    const publisher = await publisherOf(channel);
    const arrived = new Promise((resolve) => subscriber.on('message', resolve));
    // It sleeps from the next turns of the event loop on.
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    publisher.tryPublish(1);
    await arrived;
    expect(counters(channel.name, 1)).toEqual([1, 1, 0, 0, 1, 0]);
  });
});
