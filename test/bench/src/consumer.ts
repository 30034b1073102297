// The receiving process, or Worker, of one measurement.
import { isMainThread, workerData } from 'node:worker_threads';
import type { Job } from './job.js';
import { peerNamed } from './peers/index.js';

/** What a consumer says: that it is there, and when it has everything. */
export type ConsumerLine = { readonly ready: true } | ConsumerReport;

/** What a consumer has measured. */
export interface ConsumerReport {
  /** When the last message was there, nanoseconds of the monotonic clock. */
  readonly end: number;
  /** Processor time since it was ready, microseconds. */
  readonly cpu: number;
  /** Bytes of memory that are resident. */
  readonly rss: number;
}

const job = JSON.parse(isMainThread ? (process.argv[2] as string) : workerData) as Job;

function say(line: ConsumerLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

let received = 0;
let before = process.cpuUsage();

const consumer = await peerNamed(job.peer).consume(job, (message) => {
  if (job.pattern === 'echo') consumer.reply(message);
  if (++received < job.messages) return;
  const { user, system } = process.cpuUsage(before);
  say({ end: Number(process.hrtime.bigint()), cpu: user + system, rss: process.memoryUsage.rss() });
});
before = process.cpuUsage();
say({ ready: true });

// Told to end by the end of its input, or by its parent.
process.stdin.on('end', () => void consumer.close()).resume();
