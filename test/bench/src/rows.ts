/** A line of the table: what is to be reached, and how it follows from what was measured. */
export interface Row {
  readonly title: string;
  /** Names of values. */
  readonly of: readonly string[];
  /** From the medians, in the order of {@link Row.of}. */
  value(...medians: number[]): number;
  readonly goal: number;
  readonly least: number;
  /** Whether larger values are better. */
  readonly larger: boolean;
  format(value: number): string;
}

function times(value: number): string {
  return `${value.toPrecision(3)}×`;
}

function ratio(a: number, b: number): number {
  return a / b;
}

function atLeast(title: string, of: readonly [string, string], goal: number, least: number): Row {
  return { title, of, value: ratio, goal, least, larger: true, format: times };
}

function atMost(title: string, of: readonly [string, string], goal: number, least: number): Row {
  return { title, of, value: ratio, goal, least, larger: false, format: times };
}

/** A heap that has grown by less than this has not grown: what the collector leaves varies by as much. Bytes. */
const NO_GROWTH = 128 * 1024;

/** What this project is to reach, and what it must reach at least. */
const rows: readonly Row[] = [
  atLeast('typed object one way, against a Unix socket', ['one way: mmfbus', 'one way: Unix socket'], 15, 8),
  atLeast(
    'typed object one way, against child_process',
    ['one way: mmfbus', 'one way: child_process'],
    30,
    15,
  ),
  atLeast(
    'any object one way, against a Unix socket',
    ['one way: mmfbus, no shape', 'one way: Unix socket'],
    4,
    3,
  ),
  atLeast(
    '64-byte frames in batches by poll, against the limit in C',
    ['64-byte frames, the limit in C', '64-byte frames, batches'],
    0.4,
    0.2,
  ),
  atLeast('1 MiB one way, against a Unix socket', ['1 MiB: mmfbus, views', '1 MiB: Unix socket'], 10, 5),
  atMost(
    'round trip cold, p50, against a Unix socket',
    ['round trip cold: mmfbus, p50', 'round trip cold: Unix socket, p50'],
    0.8,
    1.1,
  ),
  atMost(
    'round trip warm, p50, against a Unix socket',
    ['round trip warm: mmfbus, p50', 'round trip warm: Unix socket, p50'],
    1 / 30,
    1 / 10,
  ),
  {
    title: 'round trip of a typed object, both sides polling, p50',
    of: ['round trip busy: mmfbus, p50'],
    value: (nanoseconds) => nanoseconds / 1000,
    goal: 2,
    least: 4,
    larger: false,
    format: (value) => `${value.toFixed(2)} µs`,
  },
  atMost(
    'processor time of publishing to 8 lossy, against 1',
    ['publishing to 8 lossy', 'publishing to 1 lossy'],
    1.1,
    1.3,
  ),
  {
    title: 'processor time with 100 idle channels',
    of: ['idle with 100 channels, cpu'],
    value: (percent) => percent,
    goal: 0.1,
    least: 0.5,
    larger: false,
    format: (value) => `${value.toFixed(3)} %`,
  },
  {
    title: 'growth of the heap by poll',
    of: ['growth, heap'],
    value: (bytes) => bytes,
    goal: NO_GROWTH,
    least: NO_GROWTH,
    larger: false,
    format: (value) => (value <= NO_GROWTH ? 'none' : `${Math.round(value / 1024)} KiB`),
  },
];

/** What a row came to. */
export interface Outcome {
  readonly title: string;
  readonly goal: string;
  readonly least: string;
  readonly measured: string;
  readonly reached: 'goal' | 'least' | 'missed';
}

/** The rows of which everything was measured. */
export function outcomes(medianOf: (name: string) => number | undefined): Outcome[] {
  return rows.flatMap((row) => {
    const medians = row.of.flatMap((name) => medianOf(name) ?? []);
    if (medians.length < row.of.length) return [];
    const value = row.value(...medians);
    const reaches = (limit: number) => (row.larger ? value >= limit : value <= limit);
    const reached = reaches(row.goal) ? 'goal' : reaches(row.least) ? 'least' : 'missed';
    const { title, goal, least, format } = row;
    return [{ title, goal: format(goal), least: format(least), measured: format(value), reached }];
  });
}
