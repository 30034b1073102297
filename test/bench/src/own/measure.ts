// One measurement of mmfbus alone; prints what it measured as one line of JSON: a number.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Channel, defineChannel, MiB, type Publisher, type Subscriber } from '@mmfbus/channel';
import { raw } from '@mmfbus/codec';
import { ascending, percentile } from '../statistics.js';
import type { OwnJob } from './own-job.js';

const job = JSON.parse(process.argv[2] as string) as OwnJob;
const isPartner = process.argv[3] === 'partner';
const FRAME_LENGTH = 64;

function define(suffix = ''): Channel<Uint8Array> {
  return defineChannel<Uint8Array>({ name: `${job.name}${suffix}`, capacity: 8 * MiB, codec: raw() });
}

/** Runs this file a second time, as the other side, until its first line. */
async function startPartner(): Promise<{ line(): Promise<string> }> {
  const child = spawn(
    process.execPath,
    [fileURLToPath(import.meta.url), process.argv[2] as string, 'partner'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async () => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error('the other side ended');
    return value;
  };
  await line();
  return { line };
}

function say(value: number | string): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Publishes without ever sleeping: the other side takes all the time. */
function publishSoon(publisher: Publisher<Uint8Array>, message: Uint8Array): void {
  while (publisher.publish(message) !== 'published');
}

/** Nanoseconds a frame, from one process to another that polls. */
async function pollThroughput(): Promise<number> {
  const publisher = await define().publisher();
  const { line } = await startPartner();
  const message = new Uint8Array(FRAME_LENGTH - 24).fill(7);
  const begin = process.hrtime.bigint();
  for (let count = 0; count < job.amount; count++) publishSoon(publisher, message);
  await line();
  const end = process.hrtime.bigint();
  await publisher.close();
  return Number(end - begin) / job.amount;
}

async function pollThroughputPartner(): Promise<void> {
  const subscriber = await define().subscriber();
  say('ready');
  let received = 0;
  while (received < job.amount) received += subscriber.poll(() => {});
  say('done');
  await subscriber.close();
}

/** Takes the next message, looking for it without a pause. */
function takeOne(subscriber: Subscriber<Uint8Array>): void {
  while (subscriber.poll(() => {}, 1) === 0);
}

/** Nanoseconds there and back, p50, with both sides looking all the time. */
async function busyRoundTrip(): Promise<number> {
  const there = await define('-there').publisher();
  const back = await define('-back').subscriber();
  await startPartner();
  const message = new Uint8Array(FRAME_LENGTH - 24);
  const times: number[] = [];
  for (let count = 0; count < job.amount; count++) {
    const begin = process.hrtime.bigint();
    publishSoon(there, message);
    takeOne(back);
    times.push(Number(process.hrtime.bigint() - begin));
  }
  await there.close();
  await back.close();
  return percentile(ascending(times), 0.5);
}

async function busyRoundTripPartner(): Promise<void> {
  const there = await define('-there').subscriber();
  const back = await define('-back').publisher();
  say('ready');
  const message = new Uint8Array(FRAME_LENGTH - 24);
  for (let count = 0; count < job.amount; count++) {
    takeOne(there);
    publishSoon(back, message);
  }
  await there.close();
  await back.close();
}

/** Nanoseconds of the publisher's processor time a message, with that many lossy subscribers that sleep or read. */
async function lossyCost(): Promise<number> {
  const publisher = await define().publisher();
  const { line } = await startPartner();
  const message = new Uint8Array(FRAME_LENGTH - 24);
  const before = process.cpuUsage();
  for (let count = 0; count < job.amount; count++) {
    publishSoon(publisher, message);
    if (count % 1000 === 999) await nextTurn();
  }
  const { user, system } = process.cpuUsage(before);
  await publisher.close();
  await line();
  return ((user + system) * 1000) / job.amount;
}

async function lossyCostPartner(): Promise<void> {
  const subscribers: Subscriber<Uint8Array>[] = [];
  for (let count = 0; count < job.count; count++) {
    const subscriber = await define().subscriber({ mode: 'lossy', endWithPublishers: true });
    subscriber.on('message', () => {});
    subscribers.push(subscriber);
  }
  say('ready');
  await Promise.all(subscribers.map((subscriber) => once(subscriber as never, 'close')));
  say('done');
}

/** Percent of a core that idle subscriptions to that many channels use. */
async function idle(): Promise<number> {
  const subscribers: Subscriber<Uint8Array>[] = [];
  for (let count = 0; count < job.count; count++) {
    const channel = defineChannel<Uint8Array>({
      name: `${job.name}-${count}`,
      capacity: 65536,
      codec: raw(),
    });
    const subscriber = await channel.subscriber();
    subscriber.on('message', () => {});
    subscribers.push(subscriber);
  }
  await delay(500);
  const before = process.cpuUsage();
  await delay(job.amount);
  const { user, system } = process.cpuUsage(before);
  for (const subscriber of subscribers) await subscriber.close();
  return (user + system) / 10 / job.amount;
}

/** Bytes that the heap has grown by after that many messages through `poll`. */
async function heap(): Promise<number> {
  const gc = (globalThis as { gc?: () => void }).gc;
  if (gc === undefined) throw new Error('run it with --expose-gc');
  const channel = define();
  const publisher = await channel.publisher();
  const subscriber = await channel.subscriber();
  const message = new Uint8Array(FRAME_LENGTH - 24);
  const pass = (messages: number) => {
    for (let count = 0; count < messages; count += 1000) {
      for (let part = 0; part < 1000; part++) publisher.publish(message);
      subscriber.poll(() => {});
    }
  };
  pass(100_000);
  gc();
  const before = process.memoryUsage();
  pass(job.amount);
  gc();
  const after = process.memoryUsage();
  await publisher.close();
  await subscriber.close();
  return after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
}

const measures: Record<OwnJob['what'], readonly [() => Promise<number>, () => Promise<void>]> = {
  'poll-throughput': [pollThroughput, pollThroughputPartner],
  'busy-round-trip': [busyRoundTrip, busyRoundTripPartner],
  'lossy-cost': [lossyCost, lossyCostPartner],
  idle: [idle, async () => {}],
  heap: [heap, async () => {}],
};

const [measure, partner] = measures[job.what];
if (isPartner) await partner();
else say(await measure());
