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
 * Bytes of the heap that a message may take, by its schema and without. Measured with Node 20 to 26: 0 to 54 to publish by a schema,
 * all of them numbers that V8 keeps on the heap, and up to 108 for a blob, 147 to 344 without a schema, as V8 inlines more or less; 105
 * to take a quote, of which the value and what is told of it are most, 65 to 68 for a log record whose texts come again and 243 without
 * a schema, 253 to 304 for a blob beside its bytes. An order book of 32 numbers with fractions takes about 1470, nearly all of it the
 * value itself, and 1610 without a schema.
 */
const MOST = {
  quote: { typed: { publish: 128, poll: 160 } },
  'log record': { typed: { publish: 128, poll: 160 }, any: { publish: 128, poll: 320 } },
  'order book': { typed: { publish: 128, poll: 1700 }, any: { publish: 320, poll: 1800 } },
  blob: { typed: { publish: 160, poll: 400 }, any: { publish: 400, poll: 400 } },
};

/** A young heap that holds all of a pass; compiling when it is time, not when another thread has some. */
const ALLOCATION_FLAGS = [
  '--expose-gc',
  '--min-semi-space-size=64',
  '--max-semi-space-size=64',
  '--no-concurrent-recompilation',
];

/** Compiling when it is time, and a function that is compiled when the program says so. */
const DEOPT_FLAGS = ['--no-concurrent-recompilation', '--allow-natives-syntax'];

/** The one byte that rings a bell. */
const RING = /^write\(\d+, "\\0", 1\)/;

/** What V8 writes down of a function whose compiled code it throws away. */
const DEOPT = /^\[bailout .*?<JSFunction ([^ >]*)/gm;

async function run(what: string, of: readonly string[], options: StartOptions = {}): Promise<string> {
  return startProgram('steady-costs', { ...options, args: [uniqueName('steady'), what, ...of] }).success();
}

const isLinux = process.platform === 'linux';

describe.runIf(isLinux).each([
  ['a quote, by its schema', 'quote', 'typed', MOST.quote.typed],
  ['a log record, by its schema', 'log record', 'typed', MOST['log record'].typed],
  ['a log record without a schema', 'log record', 'any', MOST['log record'].any],
  ['an order book, by its schema', 'order book', 'typed', MOST['order book'].typed],
  ['an order book without a schema', 'order book', 'any', MOST['order book'].any],
  ['a blob, by its schema', 'blob', 'typed', MOST.blob.typed],
  ['a blob without a schema', 'blob', 'any', MOST.blob.any],
] as const)('%s that is published and polled', (_, which, isTyped, most) => {
  it('takes no more of the heap than it did', async () => {
    const told = await run('allocations', [which, isTyped], { nodeArgs: ALLOCATION_FLAGS });
    const { publish, poll, collections } = JSON.parse(told);
    expect(collections).toBe(0);
    expect(publish).toBeLessThan(most.publish);
    expect(poll).toBeLessThan(most.poll);
  });

  it('takes no call of a foreign function', async () => {
    const told = await run('calls', [which, isTyped]);
    expect(JSON.parse(told)).toEqual({ publish: 0, poll: 0, counted: true });
  });

  it('has no compiled code thrown away after the warm-up', async () => {
    const told = await run('deopts', [which, isTyped], { nodeArgs: DEOPT_FLAGS });
    // The one that the program provokes, which shows that they are told.
    expect([...told.matchAll(DEOPT)].map(([, name]) => name)).toEqual(['lengthOf']);
  });

  it('takes no system call while no subscriber sleeps, and one ring a sleep', async () => {
    const file = join(folder, `calls of ${which}, ${isTyped}`);
    const within = [commandOf('strace'), '-qq', '-o', file];
    const { sleeps } = JSON.parse(await run('traced', [which, isTyped], { within }));
    const calls = readFileSync(file, 'utf8').split('\n');
    expect(callsBetween(calls, 'publish').filter((call) => !OF_THE_ENGINE.test(call))).toEqual([]);
    expect(callsBetween(calls, 'poll').filter((call) => !OF_THE_ENGINE.test(call))).toEqual([]);
    expect(callsBetween(calls, 'sleep').filter((call) => RING.test(call))).toHaveLength(sleeps);
  });
});
