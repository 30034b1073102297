// The process that calls in one measurement of calls; prints what it measured as one line of JSON.
import { ascending, percentile } from '../statistics.js';
import type { CallJob } from './call-job.js';
import { callMany } from './call-many.js';
import type { CallClient } from './call-peer.js';
import { callPeerNamed, servesInWorker } from './peers/index.js';
import { startServer } from './server-process.js';

/** What one measurement of calls gave. */
export interface CallMeasurement {
  /** Calls a second. */
  readonly rate: number;
  /** Nanoseconds from a call to its answer: the median, and what 99 of 100 calls take at most. */
  readonly p50: number;
  readonly p99: number;
  /** Processor time of both processes, microseconds. */
  readonly cpu: number;
}

const job = JSON.parse(process.argv[2] as string) as CallJob;

async function measure(client: CallClient): Promise<CallMeasurement> {
  await callMany(client, job.atOnce, 0, job.warmUp);
  const before = process.cpuUsage();
  const begin = performance.now();
  const times = await callMany(client, job.atOnce, job.warmUp, total);
  const end = performance.now();
  const { user, system } = process.cpuUsage(before);
  const sorted = ascending(times);
  return {
    rate: (job.calls / (end - begin)) * 1000,
    p50: percentile(sorted, 0.5),
    p99: percentile(sorted, 0.99),
    cpu: user + system,
  };
}

const total = job.warmUp + job.calls;
const server = await startServer(job);
const peer = await callPeerNamed(job.peer);
const client = await peer.connect(job, server.worker);
const measured = await measure(client);
await client.close();
const { answered, cpu } = await server.stop();
if (answered !== total) throw new Error(`the server answered ${answered} calls instead of ${total}`);
// A Worker's time is in that of its process.
const cpuOfBoth = measured.cpu + (servesInWorker(job.peer) ? 0 : cpu);
process.stdout.write(`${JSON.stringify({ ...measured, cpu: cpuOfBoth } satisfies CallMeasurement)}\n`);
