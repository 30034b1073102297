import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { defineChannel } from '@mmfbus/channel';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { compile } from '../compat/native.js';
import { SANITIZERS } from '../conformance/agents.js';
import { Scribbler, segmentFile } from '../hostile/scribbler.js';
import { ownDirectory } from '../support/own-directory.js';
import { compileRust } from '../support/rust.js';
import { commandOf } from '../support/tools.js';
import { uniqueName } from '../support/unique-name.js';
import { workspaceRoot } from '../support/workspace.js';

const sources = join(workspaceRoot, 'test', 'native');
const include = `-I${join(workspaceRoot, 'packages', 'native', 'include')}`;
const ROUNDS = Number(process.env['MMFBUS_SCRIBBLE_ROUNDS'] ?? 20_000);
const SEED = 1;

const directory = ownDirectory('scribbled');

const running = new Set<ChildProcessWithoutNullStreams>();
afterEach(() => {
  for (const program of running) program.kill('SIGKILL');
  running.clear();
});

/** The programs in each language that use a channel until their input ends, and say `ready` when they begin. */
const victims: Readonly<Record<string, () => readonly string[]>> = {
  'C with sanitizers': () => [
    compile('scribbled', [join(sources, 'scribbled.c')], [include, '-pthread', ...SANITIZERS]),
  ],
  Rust: () => [compileRust('scribbled', join(sources, 'scribbled.rs'))],
  Python: () => [commandOf('Python'), join(sources, 'scribbled.py')],
};

describe.each(Object.keys(victims))('a channel that another process scribbles on, in %s', (language) => {
  test('gives errors and gaps, but nothing that crashes or hangs', async () => {
    const name = uniqueName('scribbled');
    const [file = '', ...args] = (victims[language] as () => readonly string[])();
    const victim = spawn(file, [...args, name]);
    running.add(victim);
    let output = '';
    for (const stream of [victim.stdout, victim.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    const ended = once(victim, 'close');
    await Promise.race([once(victim.stdout, 'data'), ended]);
    const counts = await new Scribbler(segmentFile(name), { seed: SEED, rounds: ROUNDS }).ended;
    victim.stdin.end();
    const [status, signal] = await ended;
    expect([status, signal], output).toEqual([0, null]);
    expect(Number(/^(\d+) messages$/m.exec(output)?.[1]), output).toBeGreaterThan(0);
    expect(counts.text, JSON.stringify(counts)).toBeGreaterThan(0);
    // Where the last bytes written there kept it from freeing a slot, its port stays to prove its death, for the next program.
    const publisher = await defineChannel({ name: uniqueName('next'), capacity: 4096 }).publisher();
    await publisher.close();
    await vi.waitUntil(() => readdirSync(directory).length === 0, { timeout: 60_000 });
  });
});
