import { getEventListeners } from 'node:events';
import { readdirSync } from 'node:fs';
import { type Channel, openBus } from '@mmfbus/channel';
import { describe, expect, it } from 'vitest';
import { ended, exitAtEndOfInput, killed, startAgent } from '../e2e/channel-agent.js';
import { codeOf, define, publisherOf } from '../support/channels.js';
import { type HeldLock, holdLock } from '../support/held-lock.js';
import { openResources } from '../support/open-resources.js';
import { ownDirectory } from '../support/own-directory.js';
import { uniqueName } from '../support/unique-name.js';

const directory = ownDirectory('joining-limits');

/** Does something while another process holds the channel's publisher lock for good. */
async function whileLocked(
  discoverable: boolean,
  action: (channel: Channel<number>, lock: HeldLock, pid: number) => Promise<void>,
): Promise<void> {
  const channel = define({ discoverable });
  const holder = await startAgent('subscriber', channel.name, exitAtEndOfInput, {
    define: `discoverable: ${discoverable}`,
  });
  const lock = holdLock(channel.name, holder.pid);
  await action(channel, lock, holder.pid);
  lock.release();
  await ended(holder);
  expect(readdirSync(directory)).toEqual([]);
}

const join = {
  publisher: (channel: Channel<number>, options: object) => channel.publisher(options),
  subscriber: (channel: Channel<number>, options: object) => channel.subscriber(options),
};

describe.each(['publisher', 'subscriber'] as const)('joining as a %s', (role) => {
  it.each([true, false])(
    'gives up after its timeout, says who was in the way, and leaves nothing (discoverable: %s)',
    async (discoverable) => {
      await whileLocked(discoverable, async (channel, { slot }, pid) => {
        const before = openResources();
        const files = readdirSync(directory);
        for (const timeout of [0, 1, 50]) {
          await expect(join[role](channel, { timeout })).rejects.toMatchObject({
            code: 'TIMEOUT',
            channel: channel.name,
            message: `${channel.name}: it was not joined within ${timeout} ms: the publisher lock is held by slot ${slot}, of process ${pid}`,
          });
          expect(openResources()).toEqual(before);
          expect(readdirSync(directory)).toEqual(files);
        }
      });
    },
  );

  it('gives up when its signal aborts, and leaves nothing', async () => {
    await whileLocked(true, async (channel) => {
      const before = openResources();
      const abort = new AbortController();
      const joining = join[role](channel, { signal: abort.signal, timeout: Number.POSITIVE_INFINITY });
      for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
      abort.abort('enough');
      await expect(joining).rejects.toBe('enough');
      await expect(join[role](channel, { signal: abort.signal })).rejects.toBe('enough');
      expect(openResources()).toEqual(before);
      expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
    });
  });

  it('goes on when the lock is free in time, and has nothing to do with its signal after that', async () => {
    await whileLocked(true, async (channel, lock) => {
      const abort = new AbortController();
      const joining = join[role](channel, { signal: abort.signal });
      for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
      lock.release();
      const participant = await joining;
      expect(getEventListeners(abort.signal, 'abort')).toEqual([]);
      abort.abort('enough');
      await participant.close();
    });
  });

  it.each([{ timeout: -1 }, { timeout: 1.5 }, { signal: null }, { signal: 5 }])(
    'refuses %j',
    async (options) => {
      expect(await codeOf(() => join[role](define(), options))).toBe('INVALID_ARGUMENT');
    },
  );
});

describe('what fails on the way', () => {
  it('to a channel leaves nothing', async () => {
    const before = openResources();
    const channel = define();
    const abort = new AbortController();
    // At each step: before the directory, behind it, in the memory that does not fit, and without a slot.
    const early = channel.publisher({ signal: AbortSignal.abort('early') });
    await expect(early).rejects.toBe('early');
    const late = channel.publisher({ signal: abort.signal });
    abort.abort('late');
    await expect(late).rejects.toBe('late');
    expect(await codeOf(() => channel.publisher({ open: 'open' }))).toBe('NOT_FOUND');
    const open = await publisherOf(channel);
    const opened = openResources();
    expect(await codeOf(() => define({ name: channel.name, capacity: 8192 }).subscriber())).toBe(
      'CAPACITY_MISMATCH',
    );
    expect(
      await codeOf(() => channel.subscriber({ start: { after: { ...open.position, sequence: 5 } } })),
    ).toBe('SEQUENCE_AHEAD');
    expect(openResources()).toEqual(opened);
    await open.close();
    expect(openResources()).toEqual(before);
  });
});

describe('a bus', () => {
  it('that finds the directory’s lock taken settles by its timeout, its signal, or in the end', async () => {
    const channel = define();
    const holder = await startAgent('subscriber', channel.name, exitAtEndOfInput);
    const before = openResources();
    const lock = holdLock('mmfbus~directory', holder.pid);
    await expect(openBus({ timeout: 1 })).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: `the bus: the directory was not opened within 1 ms: the publisher lock is held by slot ${lock.slot}, of process ${holder.pid}`,
    });
    const abort = new AbortController();
    const [aborted, waiting] = [
      openBus({ signal: abort.signal }),
      openBus({ timeout: Number.POSITIVE_INFINITY }),
    ];
    abort.abort('enough');
    // Also while another one goes on to wait for the same.
    await expect(aborted).rejects.toBe('enough');
    lock.release();
    const bus = await waiting;
    await bus.close();
    expect(openResources()).toEqual(before);
    await ended(holder);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('settles its looks by their timeout, their signal, or its own end', async () => {
    const holder = await startAgent('subscriber', uniqueName(), exitAtEndOfInput);
    const dead = await startAgent('subscriber', uniqueName(), exitAtEndOfInput);
    const bus = await openBus();
    await killed(dead);
    // A list takes the channel off of which only the dead are left, and wants the lock for that.
    const lock = holdLock('mmfbus~directory', holder.pid);
    await expect(bus.list({ timeout: 1 })).rejects.toMatchObject({
      code: 'TIMEOUT',
      message: `the bus: list() was not done within 1 ms: the publisher lock is held by slot ${lock.slot}, of process ${holder.pid}`,
    });
    const abort = new AbortController();
    const [aborted, closed] = [bus.list({ signal: abort.signal }), bus.list()];
    const inspected = bus.inspect('any', { signal: abort.signal });
    abort.abort('enough');
    await expect(aborted).rejects.toBe('enough');
    expect(await inspected).toBeUndefined();
    await expect(bus.inspect('any', { signal: abort.signal })).rejects.toBe('enough');
    await bus.close();
    await expect(closed).rejects.toMatchObject({ code: 'CLOSED' });
    lock.release();
    const other = await openBus();
    expect(await other.list()).toMatchObject([{ participants: [{ pid: holder.pid }] }]);
    await other.close();
    await ended(holder);
    expect(readdirSync(directory)).toEqual([]);
  });
});
