// One measurement of mmfbus alone; prints what it measured as one line of JSON.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { blockingServers } from './blocking-servers.js';
import { busy } from './busy.js';
import { frames } from './frames.js';
import { idle } from './idle.js';
import { idleService } from './idle-service.js';
import { lossy } from './lossy.js';
import { memory } from './memory.js';
import { open } from './open.js';
import type { Own, OwnJob, OwnMeasurement, Partner, Told } from './own-job.js';
import { pingPong } from './ping-pong.js';
import { publishers } from './publishers.js';
import { channelIterated, stream, streamOfValues } from './streams.js';

const all: Record<OwnMeasurement, Own> = {
  frames,
  busy,
  lossy,
  publishers,
  idle,
  memory,
  open,
  'ping-pong': pingPong,
  stream,
  'stream-of-values': streamOfValues,
  'channel-iterated': channelIterated,
  'blocking-servers': blockingServers,
  'idle-service': idleService,
};

/** Runs this file once more, as another side, until it is ready. */
async function startPartner(role = ''): Promise<Partner> {
  const args = [fileURLToPath(import.meta.url), process.argv[2] as string, 'partner', role];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async () => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error('the other side ended');
    return value;
  };
  await line();
  return {
    line,
    tell: (text) => void child.stdin.write(`${text}\n`),
    end: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

/** What this process is told, as the other side. Its input is read from the first time on that it asks. */
function told(role: string): Told {
  let lines: AsyncIterator<string> | undefined;
  return {
    role,
    line: async () => {
      lines ??= createInterface({ input: process.stdin })[Symbol.asyncIterator]();
      const { value, done } = await lines.next();
      return done === true ? undefined : value;
    },
  };
}

const job = JSON.parse(process.argv[2] as string) as OwnJob;
const own = all[job.what];
if (process.argv[3] === 'partner') {
  await own.partner?.(job, (line) => process.stdout.write(`${line}\n`), told(process.argv[4] ?? ''));
} else {
  process.stdout.write(`${JSON.stringify(await own.measure(job, startPartner))}\n`);
}
