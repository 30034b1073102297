import type { OwnMeasurement } from '../own/own-job.js';
import { measureOwn } from '../run.js';
import { type Scale, type Subject, scaled, type Unit } from './subject.js';

interface OwnSubject {
  readonly name: string;
  readonly what: OwnMeasurement;
  /** Messages at that scale. */
  amount(scale: Scale): number;
  readonly count?: number;
  /** Units of what it measures. */
  readonly units: Readonly<Record<string, Unit>>;
  readonly once?: boolean;
}

/** Measures something of mmfbus alone; its values are named after it, and after what they are when there are several. */
export function own({ name, what, amount, count = 1, units, once = false }: OwnSubject): Subject {
  const several = Object.keys(units).length > 1;
  return {
    name,
    once,
    measure: async (signal, scale) => {
      const values = await measureOwn({ what, amount: amount(scale), count }, signal);
      return Object.entries(units).map(([part, unit]) => ({
        name: several ? `${name}, ${part}` : name,
        unit,
        value: values[part] ?? Number.NaN,
      }));
    },
  };
}

function messages(count: number): (scale: Scale) => number {
  return (scale) => scaled(count, scale);
}

const MILLION = 1_000_000;

/** Frames of 64 bytes, singly and in batches, to a process that polls. */
export const frames: readonly Subject[] = [
  own({ name: '64-byte frames', what: 'frames', amount: messages(2 * MILLION), units: { time: 'ns' } }),
  own({
    name: '64-byte frames, batches',
    what: 'frames',
    amount: messages(2 * MILLION),
    count: 100,
    units: { time: 'ns' },
  }),
];

/** A typed object there and back, with both sides looking all the time. */
export const busy: Subject = own({
  name: 'round trip busy: mmfbus',
  what: 'busy',
  amount: messages(100_000),
  units: { p50: 'ns', p99: 'ns', 'p99.9': 'ns' },
});

/** What publishing costs with lossy subscribers. */
export const lossy: readonly Subject[] = [1, 8].map((count) =>
  own({
    name: `publishing to ${count} lossy`,
    what: 'lossy',
    amount: messages(MILLION),
    count,
    units: { cpu: 'ns' },
  }),
);

/** Several publishers, one subscriber. */
export const publishers: readonly Subject[] = [1, 4].map((count) =>
  own({
    name: `from ${count} publishers: mmfbus`,
    what: 'publishers',
    amount: messages(600_000),
    count,
    units: { rate: 'messages/s' },
  }),
);

/** Subscribers with nothing to do. */
export const idle: readonly Subject[] = [1, 100].map((count) =>
  own({
    name: `idle with ${count} channels`,
    what: 'idle',
    // Milliseconds: below a second the system's own clocks are all there is to see.
    amount: () => 1000,
    count,
    units: { cpu: '%', rss: 'bytes' },
  }),
);

/** What stays in memory. */
export const memory: Subject = own({
  name: 'growth',
  what: 'memory',
  amount: ({ longRun }) => longRun,
  units: { heap: 'bytes', rss: 'bytes' },
  once: true,
});

/** How long opening takes. */
export const open: Subject = own({
  name: 'time to open',
  what: 'open',
  amount: messages(50),
  units: { first: 'ms', create: 'ms', join: 'ms' },
});
