import { defineChannel } from '@mmfbus/channel';
import { describe, expect, it } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { tableWhere } from '../support/slots.js';
import { type Program, startProgram } from '../support/spawn.js';
import { uniqueName } from '../support/unique-name.js';

ownDirectory('throwing');

const events = ['message', 'gap', 'gone'] as const;
type Event = (typeof events)[number];

/** More messages than the ring has room for. */
const MANY = 200;

function channelOf(name: string) {
  return defineChannel<number>({ name, capacity: 4096, discoverable: false });
}

async function start(name: string, event: Event, catches?: 'catches') {
  const subscriber = startProgram('throwing', { args: [name, event, ...(catches ? [catches] : [])] });
  await subscriber.waitForLine(/^joined$/);
  return subscriber;
}

/** Has a publisher of its own killed, once the subscriber has its message and sleeps. */
async function killPublisher(name: string, subscriber: Program): Promise<void> {
  const publisher = startProgram('starving', { args: [name, 'publisher'] });
  await publisher.waitForLine(/^joined$/);
  publisher.send('publish');
  await subscriber.waitForLine(/^message 7$/);
  await tableWhere(name, ({ slots }) => slots.some(({ asleep }) => asleep));
  publisher.kill();
  await subscriber.waitForLine(/^gone died$/);
}

/** Has the event come to the subscriber; numbers of the messages that were published. */
async function cause(event: Event, name: string, subscriber: Program): Promise<void> {
  if (event === 'gone') {
    subscriber.send('listen');
    await killPublisher(name, subscriber);
    return;
  }
  await using publisher = await channelOf(name).publisher();
  for (let value = 1; value <= (event === 'gap' ? MANY : 3); value++) publisher.tryPublish(value);
  subscriber.send('listen');
  await subscriber.waitForLine(new RegExp(`^${event} `));
}

function linesOf(stdout: string, start: string): string[] {
  return stdout.split('\n').filter((line) => line.startsWith(start));
}

describe.each(events)('a listener of `%s` that throws', (event) => {
  it('ends its process by an uncaught exception', async () => {
    const name = uniqueName();
    const subscriber = await start(name, event);
    await cause(event, name, subscriber);
    const { status, signal, stdout, stderr } = await subscriber.exit();
    expect([status, signal]).toEqual([1, null]);
    expect(linesOf(stdout, event).length).toBe(1);
    expect(linesOf(stdout, 'un')).toEqual(['uncaughtException as told']);
    expect(stderr).toContain('Error: as told');
  });

  it('loses no message where uncaught exceptions are handled', async () => {
    const name = uniqueName();
    const subscriber = await start(name, event, 'catches');
    await cause(event, name, subscriber);
    await subscriber.waitForLine(/^uncaughtException as told$/);
    const publisher = await channelOf(name).publisher();
    // Once it sleeps again.
    await tableWhere(name, ({ slots }) => slots.some(({ asleep }) => asleep));
    for (const value of [1001, 1002]) publisher.tryPublish(value);
    await subscriber.waitForLine(/^message 1002$/);
    subscriber.endInput();
    const stdout = await subscriber.success();
    await publisher.close();

    const values = linesOf(stdout, 'message').map((line) => Number(line.slice('message '.length)));
    const [, , last = '0'] = linesOf(stdout, 'gap')[0]?.split(' ') ?? [];
    const first = Number(last) + 1;
    const before = event === 'gone' ? [7] : from(first, event === 'gap' ? MANY : 3);
    expect(values).toEqual([...before, 1001, 1002]);
    const thrown = linesOf(stdout, 'un');
    expect(new Set(thrown)).toEqual(new Set(['uncaughtException as told']));
    expect(thrown.length).toBe(linesOf(stdout, event).length);
  });
});

function from(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
