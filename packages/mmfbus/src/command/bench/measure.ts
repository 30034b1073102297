import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as immediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Failure } from '../failure.js';
import { Histogram } from '../histogram.js';
import { channelLink, type Link, socketLink } from './link.js';
import { isSocket, type Quote, type Way } from './message.js';

/** Messages between two looks at the clock. */
const BETWEEN_LOOKS = 256;
/** Milliseconds that it sends without a turn of the event loop. */
const TURN_MS = 50;
const PEER: string = fileURLToPath(new URL('./bench-peer.js', import.meta.url));

/** What was measured of one way. */
export interface Measurement {
  readonly way: Way;
  /** Messages a second, one way. */
  readonly rate: number;
  /** Nanoseconds from a message to its answer. */
  readonly roundTrip: { readonly p50: number; readonly p99: number };
}

/** Measures a way with a second process for so many milliseconds, half of them one way and half to and fro. */
export async function measureWay(way: Way, milliseconds: number, signal: AbortSignal): Promise<Measurement> {
  const folder = mkdtempSync(join(tmpdir(), 'mmfbus-bench-'));
  try {
    return await withPeer(way, folder, signal, async (link) => {
      const answers = new Answers(link);
      // What runs for the first time is compiled first.
      await flood(link, answers, milliseconds / 10, signal);
      await pingPong(link, answers, milliseconds / 10, signal);
      const rate = await flood(link, answers, milliseconds * 0.4, signal);
      return { way, rate, roundTrip: await pingPong(link, answers, milliseconds * 0.4, signal) };
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function withPeer<R>(
  way: Way,
  folder: string,
  signal: AbortSignal,
  use: (link: Link) => Promise<R>,
): Promise<R> {
  const [there, back] = isSocket(way)
    ? [join(folder, 'socket'), '']
    : [`mmfbus-bench-${process.pid}-${way}`, `mmfbus-bench-${process.pid}-${way}-back`];
  const opening = isSocket(way) ? await listenAt(there) : undefined;
  const link = opening === undefined ? await channelLink(way, there, back) : undefined;
  const peer = fork(PEER, [way, there, back], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const ended = once(peer, 'exit');
  let opened: Link | undefined = link;
  try {
    const failed = ended.then(() => {
      throw new Failure('the second process of the benchmark has ended');
    });
    await Promise.race([once(peer, 'message', { signal }), failed]);
    opened ??= socketLink(await (opening as Opening).socket, way === 'socket-batches');
    return await Promise.race([use(opened), failed]);
  } finally {
    if (peer.connected) peer.disconnect();
    opening?.close();
    await opened?.close();
    await ended;
  }
}

interface Opening {
  readonly socket: Promise<Socket>;
  close(): void;
}

async function listenAt(path: string): Promise<Opening> {
  const server = createServer();
  const socket = once(server, 'connection').then(([one]) => one as Socket);
  server.listen(path);
  await once(server, 'listening');
  return { socket, close: () => server.close() };
}

/** Waits for one answer at a time. */
class Answers {
  #settle: () => void = () => {};

  constructor(link: Link) {
    link.listen(() => this.#settle());
  }

  /** To be called before the question is sent. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#settle = resolve;
    });
  }
}

function quote(id: number, reply: boolean): Quote {
  return { id: id >>> 0, symbol: 'AAPL', price: 187.25 + (id % 100), volume: id, reply };
}

/** Sends as much as it can; the answer to the last message says that all have arrived. */
async function flood(
  link: Link,
  answers: Answers,
  milliseconds: number,
  signal: AbortSignal,
): Promise<number> {
  const start = performance.now();
  let sent = 0;
  let turn = start;
  while (performance.now() - start < milliseconds) {
    // Ctrl-C is heard, and a socket written to, between two turns of the event loop.
    if (performance.now() - turn > TURN_MS) {
      await immediate();
      turn = performance.now();
    }
    for (let index = 0; index < BETWEEN_LOOKS; index++) {
      const wait = link.send(quote(sent++, false));
      if (wait !== undefined) await wait;
    }
    signal.throwIfAborted();
  }
  const answer = answers.next();
  await link.send(quote(sent++, true));
  await answer;
  return (sent / (performance.now() - start)) * 1000;
}

async function pingPong(
  link: Link,
  answers: Answers,
  milliseconds: number,
  signal: AbortSignal,
): Promise<Measurement['roundTrip']> {
  const histogram = new Histogram();
  const end = performance.now() + milliseconds;
  for (let id = 0; performance.now() < end; id++) {
    const start = process.hrtime.bigint();
    const answer = answers.next();
    await link.send(quote(id, true));
    await answer;
    histogram.add(Number(process.hrtime.bigint() - start));
    signal.throwIfAborted();
  }
  return { p50: histogram.quantile(0.5), p99: histogram.quantile(0.99) };
}
