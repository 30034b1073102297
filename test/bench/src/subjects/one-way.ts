import type { Load } from '../job.js';
import { measurePeer } from '../run.js';
import { type Subject, scaled, type Value } from './subject.js';

/** Messages that are not counted are this part of those that are; of objects as many. */
const WARM_UP_PART = 0.25;
const KIB = 2 ** 10;
const MIB = 2 ** 20;

interface Flood {
  readonly name: string;
  readonly peer: string;
  readonly load: Load;
  readonly consumers?: number;
  readonly messages: number;
  /** How many come before those that count. */
  readonly before?: number | undefined;
}

/** As many messages a second as the peer carries; with what they cost of processor and memory. */
function flood(
  { name, peer, load, consumers = 1, messages, before = messages * WARM_UP_PART }: Flood,
  costs = false,
): Subject {
  return {
    name,
    peer,
    measure: async (signal, scale) => {
      const count = scaled(messages, scale);
      // Not fewer where fewer are measured: compiling takes what it takes.
      const warmUp = Math.ceil(before);
      const request = {
        peer,
        load,
        consumers,
        pattern: 'flood',
        warmUp,
        messages: count,
        interval: 0,
      } as const;
      const { rate = Number.NaN, cpu, rss } = await measurePeer(request, signal);
      const values: Value[] = [{ name, unit: 'messages/s', value: rate }];
      if (!costs) return values;
      return [
        ...values,
        { name: `${name}, processor time of a million`, unit: 's', value: cpu / count },
        { name: `${name}, memory of the largest process`, unit: 'bytes', value: Math.max(...rss) },
      ];
    },
  };
}

const OBJECT: Load = { kind: 'object' };

/** Objects from one process to another; how many are measured: for half a second at least where it is compared. */
const objects: Readonly<Record<string, number>> = {
  mmfbus: 4_000_000,
  'mmfbus, no shape': 1_500_000,
  'mmfbus, batches': 1_000_000,
  'mmfbus, timestamps': 1_000_000,
  'Unix socket': 400_000,
  'Unix socket, gathered': 300_000,
  worker_threads: 200_000,
  child_process: 250_000,
  'child_process, advanced': 40_000,
  zeromq: 100_000,
  NATS: 120_000,
  Redis: 40_000,
};

/** The object of the comparison, from one process to another. */
export const oneWay: readonly Subject[] = Object.entries(objects).map(([peer, messages]) =>
  flood({ name: `one way: ${peer}`, peer, load: OBJECT, messages, before: messages }, true),
);

/** Lengths of messages, how many of them are measured, and how many come before, where it is not a quarter. */
const lengths: readonly (readonly [string, number, number, number?])[] = [
  ['16 B', 16, 150_000],
  ['64 B', 64, 150_000],
  ['256 B', 256, 150_000],
  ['1 KiB', KIB, 100_000],
  ['16 KiB', 16 * KIB, 30_000],
  // What takes so long each is compiled late.
  ['1 MiB', MIB, 1000, 3000],
  ['16 MiB', 16 * MIB, 12],
];

const VIEWS_OF_A_MIB = 10_000;
/** It takes so much longer for each that it gets fewer; and 16 MiB are a torment for its copies. */
const ZEROMQ_PART = 1 / 3;
const LARGEST_OF_ZEROMQ = MIB;

/** Bytes of several lengths. */
export const sizes: readonly Subject[] = ['mmfbus', 'mmfbus, views', 'Unix socket', 'zeromq'].flatMap(
  (peer) =>
    lengths
      .filter(([, length]) => peer !== 'zeromq' || length <= LARGEST_OF_ZEROMQ)
      .map(([text, length, most, before]) => {
        const load = { kind: 'bytes', length } as const;
        const name = `${text}: ${peer}`;
        // A tenth of the others' time for each: as many as they have take no longer than compiling does.
        if (length === MIB && peer === 'mmfbus, views') {
          return flood({ name, peer, load, messages: VIEWS_OF_A_MIB, before: VIEWS_OF_A_MIB });
        }
        const messages = peer === 'zeromq' ? most * ZEROMQ_PART : most;
        return flood({ name, peer, load, messages, before });
      }),
);

/** As many bytes as the object takes, as they are: what the codec costs is the difference. */
export const withoutCodec: readonly Subject[] = ['mmfbus', 'Unix socket'].map((peer) =>
  flood({
    name: `one way, no codec: ${peer}`,
    peer,
    load: { kind: 'bytes', length: 54 },
    messages: objects[peer] ?? 0,
  }),
);

/** Numbers of subscribers. */
const SUBSCRIBERS: readonly number[] = [1, 2, 4, 8, 16];
/** Of those that take much longer for each. */
const FEWER_SUBSCRIBERS: readonly number[] = [1, 4, 16];

/** Deliveries that are measured: to many subscribers fewer messages. */
const deliveries: Readonly<Record<string, number>> = {
  mmfbus: 600_000,
  'Unix socket': 150_000,
  zeromq: 60_000,
  NATS: 80_000,
  Redis: 20_000,
};

/** Objects to several subscribers, each of which gets all. */
export const fanOut: readonly Subject[] = Object.entries(deliveries).flatMap(([peer, total]) =>
  (peer === 'mmfbus' || peer === 'Unix socket' ? SUBSCRIBERS : FEWER_SUBSCRIBERS).map((consumers) =>
    flood({
      name: `to ${consumers} subscribers: ${peer}`,
      peer,
      load: OBJECT,
      consumers,
      messages: Math.round(total / consumers),
    }),
  ),
);
