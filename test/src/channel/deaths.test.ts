import { describe, expect, it } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { tableWhere } from '../support/slots.js';
import { startProgram } from '../support/spawn.js';
import { uniqueName } from '../support/unique-name.js';

ownDirectory('deaths');

async function start(channel: string, role: 'publisher' | 'subscriber') {
  const program = startProgram('starving', { args: [channel, role] });
  await program.waitForLine(/^joined$/);
  return program;
}

describe('a death', () => {
  it('is heard by every participant although a handler throws, which is an uncaught exception', async () => {
    const name = uniqueName();
    const subscriber = await start(name, 'subscriber');
    const first = await start(name, 'publisher');
    await tableWhere(name, ({ slots }) => slots.some(({ asleep }) => asleep));
    first.kill();
    await subscriber.waitForLine(/^gone died$/);
    await subscriber.waitForLine(/^uncaught as told$/);
    const second = await start(name, 'publisher');
    second.send('publish');
    await subscriber.waitForLine(/^got 7$/);
    second.kill();
    await subscriber.waitForLine(/^gone died$/);
    await subscriber.waitForLine(/^uncaught as told$/);
    subscriber.kill('SIGTERM');
    const { stdout } = await subscriber.exit();
    expect(stdout).not.toContain('unhandled');
  });

  it('is told of with the publisher lock free', async () => {
    const name = uniqueName();
    const publisher = await start(name, 'publisher');
    const subscriber = await start(name, 'subscriber');
    await tableWhere(name, ({ slots }) => slots.some(({ asleep }) => asleep));
    subscriber.kill();
    await subscriber.exit();
    publisher.send('publish');
    await publisher.waitForLine(/^recovered slot published$/);
    publisher.kill('SIGTERM');
    await publisher.exit();
  });
});
