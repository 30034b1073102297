// What a message takes beside time, counted, so that a message that takes more is noticed on any machine.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { type StartOptions, startProgram } from '../support/spawn.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { commandOf } from '../support/tools.js';
import { uniqueName } from '../support/unique-name.js';
import { callsBetween, OF_THE_ENGINE } from './system-calls.js';

ownDirectory('steady');
const folder = temporaryFolder('strace');

/**
 * Bytes of the heap that a message may take. Measured with Node 20: 16 to 87 to publish a quote, all of them numbers that V8
 * keeps on the heap, and 105 to 108 to take one, of which the value and what is told of it are most. An order book of 32
 * numbers with fractions takes 254 and 1630, of which the value itself is 1488.
 */
const MOST = {
  quote: { publish: 128, poll: 160 },
  'log record': { publish: 128, poll: 160 },
  'order book': { publish: 320, poll: 1800 },
};

/** A young heap that holds all of a pass; compiling when it is time, not when another thread has some. */
const ALLOCATION_FLAGS = [
  '--expose-gc',
  '--min-semi-space-size=64',
  '--max-semi-space-size=64',
  '--no-concurrent-recompilation',
];

/** The one byte that rings a bell. */
const RING = /^write\(\d+, "\\0", 1\)/;

async function run(
  what: string,
  which: string,
  options: StartOptions = {},
): Promise<Record<string, unknown>> {
  const program = startProgram('steady-costs', { ...options, args: [uniqueName('steady'), what, which] });
  return JSON.parse(await program.success());
}

const isLinux = process.platform === 'linux';

describe.runIf(isLinux).each([
  ['a quote, by its schema', 'quote'],
  ['a log record, by its schema', 'log record'],
  ['an order book without a schema', 'order book'],
] as const)('%s that is published and polled', (_, which) => {
  it('takes no more of the heap than it did', async () => {
    const { publish, poll, collections } = await run('allocations', which, { nodeArgs: ALLOCATION_FLAGS });
    expect(collections).toBe(0);
    expect(publish).toBeLessThan(MOST[which].publish);
    expect(poll).toBeLessThan(MOST[which].poll);
  });

  it('takes no call of a foreign function', async () => {
    expect(await run('calls', which)).toEqual({ publish: 0, poll: 0, counted: true });
  });

  it('takes no system call while no subscriber sleeps, and one ring a sleep', async () => {
    const file = join(folder, `calls of ${which}`);
    const within = [commandOf('strace'), '-qq', '-o', file];
    const { sleeps } = await run('traced', which, { within });
    const calls = readFileSync(file, 'utf8').split('\n');
    expect(callsBetween(calls, 'publish').filter((call) => !OF_THE_ENGINE.test(call))).toEqual([]);
    expect(callsBetween(calls, 'poll').filter((call) => !OF_THE_ENGINE.test(call))).toEqual([]);
    expect(callsBetween(calls, 'sleep').filter((call) => RING.test(call))).toHaveLength(sleeps as number);
  });
});
