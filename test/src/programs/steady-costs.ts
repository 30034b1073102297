// Publishes and polls objects on one channel, and tells what that takes but time: bytes of the heap, calls of the
// operating system's functions, code that V8 throws away, and marks for a tracer of system calls. Arguments: the channel, what to
// tell, which objects, and whether they have a schema.
import { existsSync } from 'node:fs';
import { PerformanceObserver } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import type { Channel, Publisher, Subscriber } from '@mmfbus/channel';
import type { Shape } from '@mmfbus/codec';
import { countForeignCalls, foreignCalls } from '../support/foreign-calls.js';

const WARM_UPS = 4;
/** The same, until the ring was written over once and what is new to V8 then was compiled. */
const LONG_WARM_UPS = 10;
const PASSES = 20;
/** How often the subscriber is let fall asleep, and what is published while it sleeps: fewer than it takes to ring again. */
const SLEEPS = 20;
const A_SLEEP = 40;

countForeignCalls();
// Not before the calls are counted.
const { defineChannel } = await import('@mmfbus/channel');
const { someoneSleeps, tableWhere } = await import('../support/slots.js');
const { array, bytes, f64, oneOf, string, struct, u32, u64 } = await import('@mmfbus/codec');

const [, , name = '', what = '', which = 'quote', isTyped = 'typed'] = process.argv;

interface Kind {
  readonly schema: Shape<unknown>;
  readonly message: unknown;
  /** Messages that are published before they are taken: the ring holds them, and what they allocate fits the young heap. */
  readonly atOnce: number;
}

function quotes(): Kind {
  const schema = struct({
    id: u32(),
    sym: string(),
    px: f64(),
    qty: u32(),
    ts: u64({ as: 'number' }),
    side: oneOf('buy', 'sell'),
  });
  const message = { id: 1, sym: 'AAPL', px: 187.25, qty: 100, ts: 1_700_000_000_000, side: 'buy' };
  return { schema, message, atOnce: 50_000 };
}

function logRecords(): Kind {
  const schema = struct({ id: u32(), level: string(), service: string(), host: string(), message: string() });
  const message = {
    id: 1,
    level: 'info',
    service: 'checkout-api',
    host: 'ip-10-0-12-34.eu-west-1',
    message: 'POST /v1/orders/8f14e45f-ceea-467f-a8f4-1e2c3b4d5e6f 201 in 37 ms, Zürich, total 129.90',
  };
  return { schema, message, atOnce: 15_000 };
}

/** Nested objects of numbers. */
function orderBooks(): Kind {
  const level = struct({ px: f64(), qty: f64() });
  const schema = struct({
    id: u32(),
    sym: string(),
    ts: u64({ as: 'number' }),
    bids: array(level),
    asks: array(level),
  });
  const side = (best: number) =>
    Array.from({ length: 8 }, (_, index) => ({ px: best + index / 64, qty: 100.5 + index }));
  const message = { id: 1, sym: 'AAPL', ts: 1_700_000_000_000, bids: side(187.25), asks: side(187.5) };
  return { schema, message, atOnce: 5000 };
}

/** A KiB of bytes, and two small fields. */
function blobs(): Kind {
  const schema = struct({ id: u32(), name: string(), data: bytes() });
  const data = Uint8Array.from({ length: 1024 }, (_, index) => index & 0xff);
  return { schema, message: { id: 1, name: 'frame', data }, atOnce: 2000 };
}

const kinds: Readonly<Record<string, () => Kind>> = {
  quote: quotes,
  'log record': logRecords,
  'order book': orderBooks,
  blob: blobs,
};
const { schema, message, atOnce } = kinds[which]!();
const channel: Channel<unknown> =
  isTyped === 'typed' ? defineChannel({ name, schema }) : defineChannel<unknown>({ name });

/** For a tracer of this process: a system call that nothing else makes. */
function mark(label: string): void {
  existsSync(`/mark ${label}`);
}

type Stage = 'publish' | 'poll';

/** Publishes and takes once. */
function pass(
  publisher: Publisher<unknown>,
  subscriber: Subscriber<unknown>,
  around: (stage: Stage, run: () => void) => void,
): void {
  around('publish', () => {
    for (let count = 0; count < atOnce; count++) {
      if (publisher.tryPublish(message) !== 'published') throw new Error(`message ${count} found no room`);
    }
  });
  around('poll', () => {
    let taken = 0;
    subscriber.poll(() => {
      taken++;
    });
    if (taken !== atOnce) throw new Error(`${taken} messages arrived`);
  });
}

async function runPasses(
  around: (stage: Stage, run: () => void) => void,
  warmUps: number = WARM_UPS,
): Promise<void> {
  const publisher = await channel.publisher();
  const subscriber = await channel.subscriber();
  for (let count = 0; count < warmUps; count++) pass(publisher, subscriber, (_, run) => run());
  for (let count = 0; count < PASSES; count++) pass(publisher, subscriber, around);
  await subscriber.close();
  await publisher.close();
}

/** Bytes of the heap that a message takes in each stage. */
async function allocations(): Promise<unknown> {
  let collections = 0;
  const observer = new PerformanceObserver((list) => {
    collections += minor(list.getEntries());
  });
  observer.observe({ entryTypes: ['gc'] });
  const { gc } = globalThis as { gc?: () => void };
  const bytes = { publish: 0, poll: 0 };
  await runPasses((stage, run) => {
    gc?.();
    const before = process.memoryUsage().heapUsed;
    run();
    bytes[stage] += process.memoryUsage().heapUsed - before;
  });
  await nextTurn();
  collections += minor(observer.takeRecords());
  observer.disconnect();
  const messages = PASSES * atOnce;
  return { publish: bytes.publish / messages, poll: bytes.poll / messages, collections };
}

/** Collections of the young heap among them: those would hide what was allocated. */
function minor(entries: readonly { readonly detail?: unknown }[]): number {
  return entries.filter(({ detail }) => (detail as { kind: number }).kind === 1).length;
}

/** Calls through koffi in each stage. */
async function callsOfStages(): Promise<unknown> {
  const made = { publish: 0, poll: 0 };
  await runPasses((stage, run) => {
    const before = foreignCalls();
    run();
    made[stage] += foreignCalls() - before;
  });
  // The opening shows that they are counted at all.
  return { ...made, counted: foreignCalls() > 0 };
}

/** Has V8 write down each function whose compiled code it throws away after the warm-up; and one of ours, to show that it does. */
async function deopts(): Promise<unknown> {
  await runPasses((_, run) => withTrace(run), LONG_WARM_UPS);
  const prepare = new Function('run', '%PrepareFunctionForOptimization(run);');
  const compile = new Function('run', '%OptimizeFunctionOnNextCall(run);');
  prepare(lengthOf);
  lengthOf('text');
  compile(lengthOf);
  lengthOf('text');
  withTrace(() => lengthOf([]));
  return { passes: PASSES };
}

function withTrace(run: () => void): void {
  setFlagsFromString('--trace-deopt');
  run();
  setFlagsFromString('--no-trace-deopt');
}

function lengthOf(value: string | unknown[]): number {
  return value.length;
}

/** The stages, with a mark before and after each, and a subscriber that sleeps again and again. */
async function traced(): Promise<unknown> {
  await runPasses((stage, run) => {
    mark(`${stage} begin`);
    run();
    mark(`${stage} end`);
  });
  const publisher = await channel.publisher();
  const subscriber = await channel.subscriber({ pollWindow: 0 });
  let taken = 0;
  subscriber.on('message', () => {
    taken++;
  });
  mark('sleep begin');
  for (let sleep = 1; sleep <= SLEEPS; sleep++) {
    await tableWhere(name, someoneSleeps);
    for (let count = 0; count < A_SLEEP; count++) publisher.tryPublish(message);
    while (taken < sleep * A_SLEEP) await nextTurn();
  }
  mark('sleep end');
  await subscriber.close();
  await publisher.close();
  return { sleeps: SLEEPS, messages: PASSES * atOnce };
}

const tasks: Record<string, () => Promise<unknown>> = { allocations, calls: callsOfStages, deopts, traced };
console.log(JSON.stringify(await tasks[what]?.()));
