// The sending process of one measurement; prints what it measured as one line of JSON.
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import type { ConsumerReport } from './consumer.js';
import { Consumers } from './consumers.js';
import { type Job, messageOf } from './job.js';
import { peerNamed } from './peers/index.js';
import type { Producer } from './peers/peer.js';

/** What one measurement gave. */
export interface Measurement {
  /** With `flood`: messages a second, until the last consumer had the last one. */
  readonly rate?: number;
  /** With `echo`: nanoseconds there and back, each. */
  readonly roundTrips?: readonly number[];
  /** Processor time of all processes, microseconds. */
  readonly cpu: number;
  /** Processor time of the producer alone, microseconds. */
  readonly producerCpu: number;
  /** Bytes that are resident, of the producer and of each consumer. */
  readonly rss: readonly number[];
}

/** Intervals shorter than this are kept by turning the event loop: timers are too coarse. Microseconds. */
const SHORTEST_TIMER = 2000;

const job = JSON.parse(process.argv[2] as string) as Job;
const consumers = new Consumers();
let onReply: () => void = () => {};

function nanoseconds(): number {
  return Number(process.hrtime.bigint());
}

async function flood(producer: Producer): Promise<number> {
  const message = messageOf(job) as { id?: number };
  const begin = nanoseconds();
  for (let count = 0; count < job.messages; count++) {
    if (job.load.kind === 'object') message.id = count;
    if (!producer.send(message)) await producer.drained();
  }
  await producer.drained();
  return begin;
}

/** Sends one message after the other, each when the one before is back, but not before its time. */
async function echo(producer: Producer): Promise<number[]> {
  const message = messageOf(job);
  const roundTrips: number[] = [];
  const begin = nanoseconds();
  for (let count = 0; count < job.messages; count++) {
    const due = begin + count * job.interval * 1000;
    // One that is late because the one before it was late has waited since it was due.
    const late = job.interval > 0 && nanoseconds() > due;
    if (job.interval > 0) await waitUntil(due);
    const sent = late ? due : nanoseconds();
    const back = new Promise<void>((resolve) => {
      onReply = resolve;
    });
    if (!producer.send(message)) await producer.drained();
    await back;
    roundTrips.push(nanoseconds() - sent);
  }
  return roundTrips;
}

async function waitUntil(due: number): Promise<void> {
  const left = () => (due - nanoseconds()) / 1e6;
  if (job.interval >= SHORTEST_TIMER && left() > 1) await delay(left());
  while (left() > 0) await nextTurn();
}

async function measure(producer: Producer): Promise<Measurement> {
  const before = process.cpuUsage();
  const begin = job.pattern === 'flood' ? await flood(producer) : 0;
  const roundTrips = job.pattern === 'echo' ? await echo(producer) : undefined;
  const { user, system } = process.cpuUsage(before);
  const reports: ConsumerReport[] = await consumers.reports();
  const end = Math.max(...reports.map((report) => report.end));
  return {
    ...(roundTrips === undefined ? { rate: (job.messages / (end - begin)) * 1e9 } : { roundTrips }),
    producerCpu: user + system,
    cpu: user + system + reports.reduce((sum, { cpu }) => sum + cpu, 0),
    rss: [process.memoryUsage.rss(), ...reports.map(({ rss }) => rss)],
  };
}

const peer = peerNamed(job.peer);
const producer = await peer.produce(job, () => onReply(), consumers);
await consumers.start(job, peer.start);
// What a peer has to settle before the first message.
await producer.drained();
const measurement = await measure(producer);
await consumers.stop();
await producer.close();
process.stdout.write(`${JSON.stringify(measurement)}\n`);
