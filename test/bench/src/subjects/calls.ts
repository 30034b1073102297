import type { CallPeerName } from '../calls/peers/index.js';
import { measureCalls } from '../run.js';
import { flood } from './one-way.js';
import { own } from './own.js';
import { type Subject, scaled } from './subject.js';

/** How many calls of a peer are measured: for half a second at least where it is compared. As many come before. */
interface Amounts {
  /** One at a time; undefined where that is not measured. */
  readonly oneAtATime?: number;
  readonly atOnce: number;
}

const amounts: Readonly<Record<CallPeerName, Amounts>> = {
  mmfbus: { oneAtATime: 40_000, atOnce: 1_000_000 },
  gRPC: { oneAtATime: 4000, atOnce: 10_000 },
  HTTP: { oneAtATime: 4000, atOnce: 10_000 },
  'vscode-jsonrpc': { oneAtATime: 5000, atOnce: 20_000 },
  birpc: { oneAtATime: 8000, atOnce: 100_000 },
  // Nothing is there that one call at a time could be gathered with.
  'birpc, gathered': { atOnce: 200_000 },
  NATS: { oneAtATime: 3000, atOnce: 30_000 },
  ZeroMQ: { oneAtATime: 4000, atOnce: 30_000 },
  comlink: { oneAtATime: 8000, atOnce: 60_000 },
};

/** The peers whose calls go from one process to another, ours left out. */
export const rivalsBetweenProcesses: readonly CallPeerName[] = [
  'gRPC',
  'HTTP',
  'vscode-jsonrpc',
  'birpc',
  'birpc, gathered',
  'NATS',
  'ZeroMQ',
];

const AT_ONCE = 64;

function oneAtATime(peer: CallPeerName, amount: number): Subject {
  const name = `calls, one at a time: ${peer}`;
  return {
    name,
    peer,
    measure: async (signal, scale) => {
      // Not fewer before where fewer are measured: compiling takes what it takes.
      const request = { peer, atOnce: 1, warmUp: amount, calls: scaled(amount, scale) };
      const { p50, p99 } = await measureCalls(request, signal);
      return [
        { name: `${name}, p50`, unit: 'ns', value: p50 },
        { name: `${name}, p99`, unit: 'ns', value: p99 },
      ];
    },
  };
}

function manyAtOnce(peer: CallPeerName, amount: number): Subject {
  const name = `calls, ${AT_ONCE} at once: ${peer}`;
  return {
    name,
    peer,
    measure: async (signal, scale) => {
      const count = scaled(amount, scale);
      const request = { peer, atOnce: AT_ONCE, warmUp: amount, calls: count };
      const { rate, cpu } = await measureCalls(request, signal);
      return [
        { name, unit: 'calls/s', value: rate },
        { name: `${name}, processor time of a million`, unit: 's', value: cpu / count },
      ];
    },
  };
}

const peers = Object.entries(amounts) as [CallPeerName, Amounts][];

/** A quote to another process, and a number back. */
const againstPeers: readonly Subject[] = [
  ...peers.flatMap(([peer, { oneAtATime: amount }]) =>
    amount === undefined ? [] : [oneAtATime(peer, amount)],
  ),
  ...peers.map(([peer, { atOnce }]) => manyAtOnce(peer, atOnce)),
];

const ITEMS = 1_000_000;
/** Servers, and as many clients. */
const SERVERS = 4;
const CLIENTS_OF_IDLE = 20;

function rateOf(what: 'stream' | 'stream-of-values' | 'channel-iterated', name: string): Subject {
  return own({ name, what, amount: (scale) => scaled(ITEMS, scale), units: { rate: 'messages/s' } });
}

/** What a call is made of, without the call. */
const pingPong: Subject = own({
  name: 'calls, a bare ping-pong of two channels',
  what: 'ping-pong',
  amount: (scale) => scaled(40_000, scale),
  units: { p50: 'ns', p99: 'ns' },
});

/** The same by poll; streams; servers that block; and one that is idle. */
const ofMmfbus: readonly Subject[] = [
  own({
    name: 'calls, a ping-pong of two channels by poll',
    what: 'busy',
    amount: (scale) => scaled(100_000, scale),
    units: { p50: 'ns', p99: 'ns' },
  }),
  rateOf('stream', 'calls, a stream'),
  rateOf('stream-of-values', 'calls, a stream of values at hand'),
  flood({
    name: 'calls, the same published',
    peer: 'mmfbus',
    load: { kind: 'object', of: 'quote' },
    messages: ITEMS,
    before: ITEMS,
  }),
  rateOf('channel-iterated', 'calls, the same published, for await'),
  own({
    name: `calls, ${SERVERS} servers that block`,
    what: 'blocking-servers',
    // Milliseconds.
    amount: ({ factor }) => 2000 * factor,
    count: SERVERS,
    units: { calls: 'calls/s', ideal: 'calls/s' },
  }),
  own({
    name: `calls, idle with ${CLIENTS_OF_IDLE} clients`,
    what: 'idle-service',
    // Milliseconds.
    amount: ({ factor }) => 5000 * factor,
    count: CLIENTS_OF_IDLE,
    units: { cpu: '%', 'cpu of a client': '%' },
  }),
];

/** Everything that is measured of calls. */
// The ping-pong first, next to the calls that are compared with it: the machine is not as fast all the time.
export const calls: readonly Subject[] = [pingPong, ...againstPeers, ...ofMmfbus];
