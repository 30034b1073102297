// The process, or Worker, that serves in one measurement of calls.
import { once } from 'node:events';
import { isMainThread, workerData } from 'node:worker_threads';
import type { CallJob } from './call-job.js';
import { callPeerNamed } from './peers/index.js';
import { worthOf } from './worth.js';

/** What a server says: that it is there, and in the end what it did. */
export type ServerLine = 'ready' | ServerReport;

/** What a server did. */
export interface ServerReport {
  /** Calls that it answered. */
  readonly answered: number;
  /** Processor time from the first call that counts to the last one, microseconds. */
  readonly cpu: number;
}

const job = JSON.parse(isMainThread ? (process.argv[2] as string) : workerData) as CallJob;

function say(line: ServerLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

let answered = 0;
let before = process.cpuUsage();
let used = before;

const peer = await callPeerNamed(job.peer);
const server = await peer.serve(job, (quote) => {
  if (answered === job.warmUp) before = process.cpuUsage();
  answered++;
  if (answered === job.warmUp + job.calls) used = process.cpuUsage(before);
  return worthOf(quote);
});
say('ready');
// Told to end by the end of its input.
await once(process.stdin.resume(), 'end');
await server.close();
say({ answered, cpu: used.user + used.system });
