// The receiving process, or Worker, of one measurement.
import { once } from 'node:events';
import { isMainThread, workerData } from 'node:worker_threads';
import { keepTo } from './cores.js';
import type { Job } from './job.js';
import { peerNamed } from './peers/index.js';

/** What a consumer says: that it is there, that it has the messages before those that count, and when it has all. */
export type ConsumerLine = 'ready' | 'warm' | ConsumerReport;

/** What a consumer has measured. */
export interface ConsumerReport {
  /** When the last message was there, nanoseconds of the monotonic clock. */
  readonly end: number;
  /** Processor time since it was warm, microseconds. */
  readonly cpu: number;
  /** Bytes of memory that are resident. */
  readonly rss: number;
}

const job = JSON.parse(isMainThread ? (process.argv[2] as string) : workerData) as Job;
const total = job.warmUp + job.messages;
const replies = job.pattern !== 'flood';

function say(line: ConsumerLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

let received = 0;
let before = process.cpuUsage();

if (job.cores === 'apart') keepTo(1);
else if (job.cores === 'one') keepTo(0);
const peer = await peerNamed(job.peer);
// Told to open by the first of its input, and to end by the end of it, or by its parent.
await once(process.stdin, 'data');
const consumer = await peer.consume(job, (message) => {
  if (replies) consumer.reply(message);
  received++;
  if (received === job.warmUp) onWarm();
  else if (received === total) onLast(message);
});
if (job.warmUp === 0) before = process.cpuUsage();
say('ready');

function onWarm(): void {
  before = process.cpuUsage();
  say('warm');
}

function onLast(message: unknown): void {
  const end = Number(process.hrtime.bigint());
  const { user, system } = process.cpuUsage(before);
  const { id } = message as { id?: number };
  if (job.load.kind === 'object' && id !== total - 1) {
    throw new Error(`message ${total - 1} has the id ${id}: others were lost or came twice`);
  }
  say({ end, cpu: user + system, rss: process.memoryUsage.rss() });
}

process.stdin.on('end', () => void consumer.close()).resume();
