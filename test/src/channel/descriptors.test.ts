import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { tableWhere } from '../support/slots.js';
import { type Program, startProgram } from '../support/spawn.js';
import { uniqueName } from '../support/unique-name.js';

const directory = ownDirectory('descriptors');
const onWindows = process.platform === 'win32';
const FEW = ['bash', '-c', 'ulimit -n 100; exec "$@"', '--'];

async function start(channel: string, role: 'publisher' | 'subscriber'): Promise<Program> {
  const program = startProgram('starving', { args: [channel, role], within: FEW });
  await program.waitForLine(/^joined$/);
  return program;
}

/** What it left when it was killed is removed by the next one who looks. */
async function end(programs: readonly Program[]): Promise<void> {
  for (const program of programs) program.endInput();
  for (const program of programs) program.kill('SIGTERM');
  for (const program of programs) await program.exit();
}

describe.skipIf(onWindows)('a moment without descriptors', () => {
  it('loses no wake-up of a subscriber', async () => {
    const name = uniqueName();
    const publisher = await start(name, 'publisher');
    const subscriber = await start(name, 'subscriber');
    await tableWhere(name, ({ slots }) => slots.some(({ asleep }) => asleep));
    publisher.send('starve');
    await publisher.waitForLine(/^starving$/);
    publisher.send('publish');
    await publisher.waitForLine(/^published$/);
    publisher.send('feed');
    await subscriber.waitForLine(/^got 7$/);
    await end([publisher, subscriber]);
  });

  it('loses no wake-up of a publisher that waits for room, nor its death', async () => {
    const name = uniqueName();
    const subscriber = await start(name, 'subscriber');
    subscriber.send('starve');
    await subscriber.waitForLine(/^starving$/);
    const publisher = await start(name, 'publisher');
    // The subscriber takes everything as it comes, so that only some of these find the ring full.
    subscriber.kill('SIGSTOP');
    publisher.send('fill');
    await publisher.waitForLine(/^filled/);
    await tableWhere(name, ({ roomWaiters }) => roomWaiters > 0);
    subscriber.kill('SIGCONT');
    await subscriber.waitForLine(/^got 0$/);
    subscriber.send('feed');
    await publisher.waitForLine(/^made room$/);
    publisher.kill();
    await subscriber.waitForLine(/^gone died$/);
    await end([subscriber]);
  });
});

const mayMount = !onWindows && spawnSync('bash', ['-c', 'unshare --mount true']).status === 0;
const SMALL = [
  'unshare',
  '--mount',
  'bash',
  '-c',
  'mount -t tmpfs -o nr_inodes=64,size=2m mmfbus "$MMFBUS_DIRECTORY" && exec "$@"',
  '--',
];

describe.skipIf(onWindows)('a join that fails, at whichever step, leaves nothing', () => {
  it.each([
    ['descriptors', 24, FEW],
    ['inodes', 16, SMALL],
    ['space', 64, SMALL],
  ])('for want of %s', async (what, most, within) => {
    if (within === SMALL && !mayMount) return;
    const program = startProgram('starved-joins', { args: [uniqueName(), what, String(most)], within });
    const lines = (await program.success()).trim().split('\n');
    expect(lines.filter((line) => line !== 'joined' && line !== 'failed')).toEqual([]);
    expect(lines).toContain('failed');
    expect(lines.at(-1)).toBe('joined');
    expect(readdirSync(directory)).toEqual([]);
  });
});
