import { describe, expect, it } from 'vitest';
import { exitAtEndOfInput, sayAll, startAgent } from '../e2e/channel-agent.js';
import { codeOf, define, publisherOf, subscriberOf } from '../support/channels.js';
import { holdLock, readTable, tableWhere } from '../support/slots.js';
import { startCode } from '../support/spawn.js';
import { workspaceRoot } from '../support/workspace.js';

/** A publisher that stops itself by SIGSTOP when it holds the lock. */
const stopsWithLock = (name: string) => `
  let armed = false;
  globalThis[Symbol.for('mmfbus.steps')] = (step) => {
    if (armed && step === 'lock: taken') process.kill(process.pid, 'SIGSTOP');
  };
  const { defineChannel } = await import('@mmfbus/channel');
  const publisher = await defineChannel({ name: ${JSON.stringify(name)} }).publisher();
  process.stdout.write('joined\\n');
  process.stdin.once('data', () => {
    armed = true;
    publisher.tryPublish(1);
    armed = false;
    process.stdout.write('published\\n');
  });
`;

describe('closing while the lock is kept', () => {
  it.each([
    ['a timeout', () => ({ timeout: 1 })],
    ['a signal', () => ({ signal: AbortSignal.timeout(1) })],
    ['a signal that has aborted', () => ({ signal: AbortSignal.abort() })],
  ])('settles by %s, and leaves when the lock is free', async (_, options) => {
    const channel = define();
    const holder = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const closed = new Promise((resolve) => holder.once('publishersGone', resolve));
    const release = holdLock(channel.name, 0);
    await publisher.close(options());
    expect(await codeOf(() => publisher.tryPublish(1))).toBe('CLOSED');
    expect(readTable(channel.name).slots.map(({ state }) => state)).toEqual([2, 1]);
    release();
    holder.on('message', () => {});
    expect(await closed).toEqual({ reason: 'left' });
    await tableWhere(channel.name, ({ slots }) => slots.length === 1);
  });

  it('settles drain, which has nothing to wait for but the lock', async () => {
    const channel = define();
    const publisher = await publisherOf(channel);
    await subscriberOf(channel);
    const release = holdLock(channel.name, 1);
    await publisher.drain({ timeout: 20 });
    expect(await codeOf(() => publisher.tryPublish(1))).toBe('CLOSED');
    release();
    await tableWhere(channel.name, ({ slots }) => slots.length === 1);
  });

  it('refuses a wrong timeout, and the publisher stays open', async () => {
    const publisher = await publisherOf(define());
    expect(await codeOf(() => publisher.close({ timeout: -1 }))).toBe('INVALID_ARGUMENT');
    expect(publisher.tryPublish(1)).toBe('published');
  });

  it.skipIf(process.platform === 'win32')('by a process that is stopped, settles all the same', async () => {
    const channel = define();
    const publisher = await publisherOf(channel);
    const subscriber = await subscriberOf(channel);
    const stopped = startCode(stopsWithLock(channel.name), { cwd: `${workspaceRoot}/test` });
    await stopped.waitForLine(/^joined$/);
    stopped.send('go');
    await tableWhere(channel.name, ({ publisherLock }) => publisherLock !== 0);
    expect(publisher.tryPublish(2)).toBe('busy');
    const waiting = publisher.publish(3);
    await Promise.all([
      expect(waiting).rejects.toMatchObject({ code: 'CLOSED' }),
      publisher.close({ timeout: 10 }),
    ]);
    stopped.kill('SIGCONT');
    await stopped.waitForLine(/^published$/);
    await tableWhere(channel.name, ({ slots }) => slots.length === 2);
    expect(subscriber.poll(({ value }) => expect(value).toBe(1))).toBe(1);
    stopped.kill();
    await stopped.exit();
  });

  it('ends with the process, and listeners hear of it', async () => {
    const channel = define();
    const holder = await startAgent('subscriber', channel.name, exitAtEndOfInput, {
      join: "delivery: 'lossy'",
    });
    const listener = await startAgent('subscriber', channel.name, sayAll);
    const last = await startAgent('publisher', channel.name, exitAtEndOfInput);
    const { slots } = readTable(channel.name);
    const { slot } = slots.find(({ pid }) => pid === holder.pid) as { slot: number };
    const release = holdLock(channel.name, slot);
    last.endInput();
    await last.success();
    release();
    await listener.waitForLine(/^gone died$/);
    listener.kill();
    holder.kill();
    await Promise.all([listener.exit(), holder.exit()]);
    await tableWhere(channel.name, (table) => table.slots.length === 0 || table.publisherLock === 0);
  });
});
