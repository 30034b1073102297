import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Subject, scaled } from './subject.js';

const run = promisify(execFile);

let program: string | undefined;

/** The C program, compiled at the first use. */
async function compile(): Promise<string> {
  if (program !== undefined) return program;
  const folder = mkdtempSync(join(tmpdir(), 'mmfbus-bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const compiled = join(folder, 'limit');
  const source = fileURLToPath(new URL('../../native/limit.c', import.meta.url));
  await run('cc', ['-O2', '-std=c11', source, '-o', compiled]);
  program = compiled;
  return compiled;
}

const name = '64-byte frames, the limit in C';
const PROGRAM = { name: 'cc', debian: 'gcc' } as const;

/** What the machine can do: a ring with nothing but the ring. */
export const limit: Subject = {
  name,
  program: PROGRAM,
  measure: async (signal, scale) => {
    const { stdout } = await run(await compile(), [String(scaled(10_000_000, scale))], { signal });
    return [{ name, unit: 'ns', value: Number(stdout) }];
  },
};

const ROUND_TRIP = 'real, round trip of 64 bytes, the limit in C, p50';

/** What the same ring takes there and back: most of it is the way of a cache line from one core to the other. */
export const limitOfRoundTrips: Subject = {
  name: ROUND_TRIP,
  program: PROGRAM,
  measure: async (signal, scale) => {
    const times = String(scaled(200_000, scale));
    const { stdout } = await run(await compile(), ['ping', times, 'ordered'], { signal });
    return [{ name: ROUND_TRIP, unit: 'ns', value: Number(stdout.split(' ', 1)[0]) }];
  },
};
