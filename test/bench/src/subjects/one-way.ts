import type { Load } from '../job.js';
import { measurePeer } from '../run.js';
import { type Subject, scaled, type Value } from './subject.js';

/** Messages that are not counted are this part of those that are; of objects as many, up to a million. */
const WARM_UP_PART = 0.25;
const KIB = 2 ** 10;
const MIB = 2 ** 20;

export interface Flood {
  readonly name: string;
  readonly peer: string;
  readonly load: Load;
  readonly consumers?: number;
  readonly messages: number;
  /** How many come before those that count. */
  readonly before?: number | undefined;
}

/** As many messages a second as the peer carries; with what they cost of processor and memory. */
export function flood(
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

const OBJECT: Load = { kind: 'object', of: 'quote' };

/** Objects from one process to another; how many are measured: for half a second at least where it is compared. */
const objects: Readonly<Record<string, number>> = {
  mmfbus: 4_000_000,
  'mmfbus, no shape': 1_000_000,
  'mmfbus, batches': 800_000,
  'mmfbus, timestamps': 800_000,
  'Unix socket': 250_000,
  'Unix socket, gathered': 250_000,
  worker_threads: 100_000,
  child_process: 150_000,
  'child_process, advanced': 15_000,
  zeromq: 40_000,
  NATS: 80_000,
  Redis: 15_000,
};

/** By then everything is compiled, in any peer. */
const MOST_BEFORE = 1_000_000;

/** The object of the comparison, from one process to another. */
export const oneWay: readonly Subject[] = Object.entries(objects).map(([peer, messages]) =>
  flood(
    { name: `one way: ${peer}`, peer, load: OBJECT, messages, before: Math.min(messages, MOST_BEFORE) },
    true,
  ),
);

/** Lengths of messages, how many of them are measured, and how many come before, where it is not a quarter. */
const lengths: readonly (readonly [string, number, number, number?])[] = [
  ['16 B', 16, 80_000],
  ['64 B', 64, 80_000],
  ['256 B', 256, 80_000],
  ['1 KiB', KIB, 60_000],
  ['16 KiB', 16 * KIB, 16_000],
  // What takes so long each is compiled late.
  ['1 MiB', MIB, 500, 1000],
  ['16 MiB', 16 * MIB, 8],
];

/** Each takes a tenth of the time of a copy: fewer would be over before everything is compiled. */
const VIEWS_OF_A_MIB = 10_000;

/** Bytes of several lengths. */
export const sizes: readonly Subject[] = ['mmfbus', 'mmfbus, views', 'Unix socket'].flatMap((peer) =>
  lengths.map(([text, length, messages, before]) => {
    const common = { name: `${text}: ${peer}`, peer, load: { kind: 'bytes', length } } as const;
    if (length === MIB && peer === 'mmfbus, views') {
      return flood({ ...common, messages: VIEWS_OF_A_MIB, before: VIEWS_OF_A_MIB });
    }
    return flood({ ...common, messages, before });
  }),
);

/** As many bytes as the object takes, as they are: what the codec costs is the difference. */
export const withoutCodec: readonly Subject[] = ['mmfbus', 'Unix socket'].map((peer) =>
  flood({
    name: `one way, no codec: ${peer}`,
    peer,
    load: { kind: 'bytes', length: 54 },
    messages: (objects[peer] ?? 0) / 2,
  }),
);

/** Numbers of subscribers. */
const SUBSCRIBERS: readonly number[] = [1, 2, 4, 8, 16];
/** Of those that take much longer for each; what they do with one is measured anyway. */
const FEWER_SUBSCRIBERS: readonly number[] = [4];

/** Deliveries that are measured: to many subscribers fewer messages. */
const deliveries: Readonly<Record<string, number>> = {
  mmfbus: 600_000,
  'Unix socket': 30_000,
  zeromq: 30_000,
  NATS: 40_000,
  Redis: 10_000,
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
