import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { tableWhere } from '../support/slots.js';
import { type Program, startProgram } from '../support/spawn.js';
import { uniqueName } from '../support/unique-name.js';

const directory = ownDirectory('names-removed');
const onWindows = process.platform === 'win32';

async function start(channel: string, role: 'publisher' | 'subscriber'): Promise<Program> {
  const program = startProgram('starving', { args: [channel, role] });
  await program.waitForLine(/^joined$/);
  return program;
}

/** Removes files of the directory, as cleaners do; how many there were. */
function clean(which: (fileName: string) => boolean): number {
  const fileNames = readdirSync(directory).filter(which);
  for (const fileName of fileNames) rmSync(join(directory, fileName));
  return fileNames.length;
}

/** A publisher that is not connected to the subscriber, which joined later and sleeps. */
async function begin(): Promise<[Program, Program]> {
  const name = uniqueName();
  const publisher = await start(name, 'publisher');
  const subscriber = await start(name, 'subscriber');
  await tableWhere(name, ({ slots }) => slots.some(({ asleep }) => asleep));
  return [publisher, subscriber];
}

async function end(programs: readonly Program[]): Promise<void> {
  for (const program of programs) program.kill('SIGTERM');
  for (const program of programs) await program.exit();
}

describe.skipIf(onWindows)('a participant whose names are removed', () => {
  it('is told, and goes on without being woken', async () => {
    const [publisher, subscriber] = await begin();
    // Bells and life lines.
    expect(clean((fileName) => fileName.startsWith('mmfbus~'))).toBe(4);
    publisher.send('publish');
    await publisher.waitForLine(/^published$/);
    // At once: it could not ring the subscriber, and then looked for its own names.
    await publisher.waitForLine(/^unnamed 1$/);
    await publisher.waitForLine(/^unnamed 0$/);
    await subscriber.waitForLine(/^unnamed 1$/);
    await subscriber.waitForLine(/^got 7$/);
    publisher.send('publish');
    await subscriber.waitForLine(/^got 7$/);
    await end([publisher, subscriber]);
  });

  it('is told also where only the name of the channel is gone', async () => {
    const programs = await begin();
    expect(clean((fileName) => !fileName.startsWith('mmfbus~'))).toBe(1);
    await programs[0].waitForLine(/^unnamed 0$/);
    await programs[1].waitForLine(/^unnamed 1$/);
    programs[0].send('publish');
    await programs[1].waitForLine(/^got 7$/);
    await end(programs);
  });
});
