// One measurement of mmfbus alone; prints what it measured as one line of JSON.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { busy } from './busy.js';
import { frames } from './frames.js';
import { idle } from './idle.js';
import { lossy } from './lossy.js';
import { memory } from './memory.js';
import { open } from './open.js';
import type { Own, OwnJob, OwnMeasurement, Partner } from './own-job.js';
import { publishers } from './publishers.js';

const all: Record<OwnMeasurement, Own> = { frames, busy, lossy, publishers, idle, memory, open };

/** Runs this file a second time, as the other side, until it is ready. */
async function startPartner(): Promise<Partner> {
  const args = [fileURLToPath(import.meta.url), process.argv[2] as string, 'partner'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async () => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error('the other side ended');
    return value;
  };
  await line();
  return { line };
}

const job = JSON.parse(process.argv[2] as string) as OwnJob;
const own = all[job.what];
if (process.argv[3] === 'partner') {
  await own.partner?.(job, (line) => process.stdout.write(`${line}\n`));
} else {
  process.stdout.write(`${JSON.stringify(await own.measure(job, startPartner))}\n`);
}
