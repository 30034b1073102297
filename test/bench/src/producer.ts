// The sending process of one measurement; prints what it measured as one line of JSON.
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import type { ConsumerReport } from './consumer.js';
import { Consumers } from './consumers.js';
import { keepBusy, keepTo } from './cores.js';
import type { Job } from './job.js';
import { messageKinds, type Numbered } from './messages/index.js';
import { peerNamed, startOf } from './peers/index.js';
import type { Producer } from './peers/peer.js';

/** What one measurement gave. */
export interface Measurement {
  /** With `flood`: messages a second, until the last consumer had the last one. */
  readonly rate?: number;
  /** Otherwise: nanoseconds there and back, each. */
  readonly roundTrips?: readonly number[];
  /** Processor time of all processes, microseconds. */
  readonly cpu: number;
  /** Bytes that are resident, of the producer and of each consumer. */
  readonly rss: readonly number[];
}

/** Intervals shorter than this are kept by turning the event loop: timers are too coarse. Nanoseconds. */
const SHORTEST_TIMER = 2_000_000;
/** Of the messages before those that count, this part goes as fast as it can, the others so that consumers sleep. */
const FAST_WARM_UP_PART = 0.4;
/** Nanoseconds between those: mmfbus sleeps after 200 µs. */
const WARM_UP_INTERVAL = 300_000;

const job = JSON.parse(process.argv[2] as string) as Job;
const start = startOf(job.peer);
const consumers = new Consumers(job, start);
// After the consumers have started, who would inherit it.
if (job.cores === 'apart' || job.cores === 'one') keepTo(0);
const burner = job.cores === 'busy' ? keepBusy(1) : undefined;
const message = makeMessage();
let onReply: (reply: unknown) => void = () => {};

function makeMessage(): Partial<Numbered> {
  if (job.load.kind === 'object') return messageKinds[job.load.of].make();
  return Uint8Array.from({ length: job.load.length }, (_, index) => index & 0xff) as Partial<Numbered>;
}

function nanoseconds(): number {
  return Number(process.hrtime.bigint());
}

/** Sends the messages from one number up to, not including, another. */
async function flood(producer: Producer, from: number, to: number): Promise<void> {
  const numbered = job.load.kind === 'object';
  for (let id = from; id < to; id++) {
    if (numbered) message.id = id;
    if (!producer.send(message)) await producer.drained();
  }
  await producer.drained();
}

/** Sends one message after the other, each as soon as the one before is back: where it is received. */
function pingPong(producer: Producer, from: number, to: number): Promise<number[]> {
  const roundTrips: number[] = [];
  return new Promise((resolve) => {
    let id = from;
    let sent = 0;
    const next = () => {
      if (id === to) {
        resolve(roundTrips);
        return;
      }
      message.id = id++;
      sent = nanoseconds();
      if (!producer.send(message)) void producer.drained();
    };
    onReply = () => {
      roundTrips.push(nanoseconds() - sent);
      next();
    };
    next();
  });
}

/** Sends one message after the other, each when the one before is back, but not before its time. */
async function echo(producer: Producer, from: number, to: number, interval: number): Promise<number[]> {
  const roundTrips: number[] = [];
  const begin = nanoseconds();
  for (let id = from; id < to; id++) {
    const due = begin + (id - from) * interval;
    // One that is late because the one before it was late has waited since it was due.
    const late = nanoseconds() > due;
    while (nanoseconds() < due) {
      if (interval < SHORTEST_TIMER) await nextTurn();
      else await delay(Math.max(1, (due - nanoseconds()) / 1e6));
    }
    const sent = late ? due : nanoseconds();
    const back = new Promise<unknown>((resolve) => {
      onReply = resolve;
    });
    message.id = id;
    if (!producer.send(message)) await producer.drained();
    await back;
    roundTrips.push(nanoseconds() - sent);
  }
  return roundTrips;
}

/** Sends each message at its time; what is late counts from when it was due. */
async function keepSchedule(
  producer: Producer,
  from: number,
  to: number,
  interval: number,
): Promise<number[]> {
  const roundTrips: number[] = [];
  const begin = nanoseconds();
  const allBack = new Promise<void>((resolve) => {
    onReply = (reply) => {
      const { id } = reply as { id: number };
      roundTrips.push(nanoseconds() - begin - (id - from) * interval);
      if (roundTrips.length === to - from) resolve();
    };
  });
  for (let id = from; id < to; id++) {
    while (nanoseconds() < begin + (id - from) * interval) await nextTurn();
    message.id = id;
    if (!producer.send(message)) await producer.drained();
  }
  await producer.drained();
  await allBack;
  return roundTrips;
}

async function measure(producer: Producer): Promise<Measurement> {
  const { pattern, warmUp, messages } = job;
  const interval = job.interval * 1000;
  const total = warmUp + messages;
  if (pattern === 'flood') await flood(producer, 0, warmUp);
  // What compiling takes would be late for hundreds of messages.
  else if (pattern === 'schedule') await keepSchedule(producer, 0, warmUp, interval);
  else {
    const sleeps = pattern === 'echo' && interval > 0;
    const fast = sleeps ? Math.ceil(warmUp * FAST_WARM_UP_PART) : warmUp;
    await pingPong(producer, 0, fast);
    await echo(producer, fast, warmUp, WARM_UP_INTERVAL);
  }
  if (warmUp > 0) await consumers.warm();

  const before = process.cpuUsage();
  const begin = nanoseconds();
  let roundTrips: number[] | undefined;
  if (pattern === 'flood') await flood(producer, warmUp, total);
  else if (pattern === 'echo' && interval === 0) roundTrips = await pingPong(producer, warmUp, total);
  else if (pattern === 'echo') roundTrips = await echo(producer, warmUp, total, interval);
  else roundTrips = await keepSchedule(producer, warmUp, total, interval);
  const reports: ConsumerReport[] = await consumers.reports();
  const { user, system } = process.cpuUsage(before);
  const end = Math.max(...reports.map((report) => report.end));
  return {
    ...(roundTrips === undefined ? { rate: (messages / (end - begin)) * 1e9 } : { roundTrips }),
    cpu: user + system + (start === 'worker' ? 0 : reports.reduce((sum, { cpu }) => sum + cpu, 0)),
    rss: [process.memoryUsage.rss(), ...reports.map(({ rss }) => rss)],
  };
}

const peer = await peerNamed(job.peer);
const producer = await peer.produce(job, (reply) => onReply(reply), consumers.children);
await consumers.open();
// What a peer has to settle before the first message.
await producer.drained();
const measurement = await measure(producer);
await consumers.stop();
await producer.close();
burner?.kill();
process.stdout.write(`${JSON.stringify(measurement)}\n`);
