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

/** What the machine can do: a ring with nothing but the ring. */
export const limit: Subject = {
  name,
  program: { name: 'cc', debian: 'gcc' },
  measure: async (signal, scale) => {
    const { stdout } = await run(await compile(), [String(scaled(10_000_000, scale))], { signal });
    return [{ name, unit: 'ns', value: Number(stdout) }];
  },
};
