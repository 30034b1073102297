import type { Job } from '../job.js';
import type { MessageName } from '../messages/index.js';
import { measurePeer } from '../run.js';
import { ascending, percentile } from '../statistics.js';
import { type Subject, scaled } from './subject.js';

const WARM_UP = 2000;
/** Ways that messages take only where their consumer sleeps are compiled later. */
const WARM_UP_OF_SLEEPERS = 10_000;
/** A second of a rate at which nothing waits for an answer. */
export const WARM_UP_AT_RATE = 100_000;
/** One message every 10 ms: both sides sleep meanwhile. Microseconds. */
const COLD_INTERVAL = 10_000;

type Part = 'p50' | 'p99' | 'p99.9';
const parts: Readonly<Record<Part, number>> = { p50: 0.5, p99: 0.99, 'p99.9': 0.999 };

export interface RoundTrip {
  readonly name: string;
  readonly peer: string;
  /** The message; `quote` unless told otherwise. */
  readonly of?: MessageName;
  readonly pattern: Job['pattern'];
  readonly interval: number;
  readonly messages: number;
  /** Messages before those that count. Defaults to 2000. */
  readonly before?: number;
  /** See `Job.cores`. Defaults to `apart` where both sides sleep: who sleeps is put anywhere. */
  readonly cores?: Job['cores'];
  readonly wanted: readonly Part[];
}

/** Round trips of a peer, of which some parts of the distribution are wanted. */
export function roundTrip({
  name,
  peer,
  of = 'quote',
  pattern,
  interval,
  messages,
  before = WARM_UP,
  cores,
  wanted,
}: RoundTrip): Subject {
  return {
    name,
    peer,
    measure: async (signal, scale) => {
      const load = { kind: 'object', of } as const;
      const count = scaled(messages, scale);
      const request = {
        peer,
        load,
        consumers: 1,
        pattern,
        warmUp: before,
        messages: count,
        interval,
        cores: cores ?? (pattern === 'echo' && interval > 0 ? 'apart' : undefined),
      } as const;
      const { roundTrips = [] } = await measurePeer(request, signal);
      const sorted = ascending(roundTrips);
      return wanted.map((part) => ({
        name: `${name}, ${part}`,
        unit: 'ns',
        value: percentile(sorted, parts[part]),
      }));
    },
  };
}

/** They take much longer for each. */
const BROKERS: readonly string[] = ['zeromq', 'NATS', 'Redis'];
const allPeers = ['mmfbus', 'Unix socket', 'worker_threads', 'child_process', ...BROKERS];
const ALL: readonly Part[] = ['p50', 'p99', 'p99.9'];

/** One message every 10 ms. */
export const cold: readonly Subject[] = ['mmfbus', 'Unix socket'].map((peer) =>
  roundTrip({
    name: `round trip cold: ${peer}`,
    peer,
    pattern: 'echo',
    interval: COLD_INTERVAL,
    messages: 100,
    before: WARM_UP_OF_SLEEPERS,
    wanted: ['p50'],
  }),
);

function warmMessages(peer: string): number {
  if (peer === 'mmfbus') return 30_000;
  return BROKERS.includes(peer) ? 1000 : 5000;
}

/** The next message when the last one is back. */
export const warm: readonly Subject[] = allPeers.map((peer) =>
  roundTrip({
    name: `round trip warm: ${peer}`,
    peer,
    pattern: 'echo',
    interval: 0,
    messages: warmMessages(peer),
    ...(BROKERS.includes(peer) ? { before: 1000 } : {}),
    wanted: ALL,
  }),
);

/** The distribution with both sides asleep, and at fixed rates: what is late counts from when it was due. */
export const distributions: readonly Subject[] = ['mmfbus', 'Unix socket'].flatMap((peer) => {
  const common = { peer, wanted: ALL };
  return [
    roundTrip({
      ...common,
      name: `round trip idle: ${peer}`,
      pattern: 'echo',
      interval: 2000,
      messages: 500,
    }),
    roundTrip({
      ...common,
      name: `round trip at 100,000/s: ${peer}`,
      pattern: 'schedule',
      interval: 10,
      messages: 20_000,
      before: WARM_UP_AT_RATE,
    }),
  ];
});
