import type { Direction, Engine } from './bridge/bridge-job.js';
import { bridgeName } from './subjects/bridge.js';
import { rivalsBetweenProcesses } from './subjects/calls.js';
import { RIVAL } from './subjects/real.js';

/** Values of several peers, of which the best counts. */
interface Best {
  /** Names of the values, by those of the peers. */
  readonly of: Readonly<Record<string, string>>;
  readonly isLarger: boolean;
}

/** A line of the table: what is to be reached, and how it follows from what was measured. */
interface Row {
  readonly title: string;
  /** Names of values. */
  readonly of: readonly string[];
  /** What they are compared with, where that is the best of those that were measured; the title then names it. */
  readonly best?: Best;
  /** From the medians, in the order of {@link Row.of}, and the best. */
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

function ofRivals(nameOf: (peer: string) => string, isLarger: boolean): Best {
  return { of: Object.fromEntries(rivalsBetweenProcesses.map((peer) => [peer, nameOf(peer)])), isLarger };
}

/** Against a socket whose writes are gathered: a message with a schema, and without one. */
function realOneWay(
  of: string,
  schema: readonly [number, number],
  noSchema?: readonly [number, number],
): Row[] {
  const against = (title: string, peer: string, [goal, least]: readonly [number, number]) =>
    atLeast(`${of}, ${title}`, [`real, ${of}: ${peer}`, `real, ${of}: ${RIVAL}`], goal, least);
  const rows = [against('schema', 'mmfbus', schema)];
  if (noSchema !== undefined) rows.push(against('no schema', 'mmfbus, no shape', noSchema));
  return rows;
}

function realRoundTrip(what: string, peer: string, goal: number, least: number): Row {
  const of = (name: string) => `real, round trip ${what}: ${name}, p50`;
  return atMost(`round trip ${what}, p50, against a Unix socket`, [of(peer), of('Unix socket')], goal, least);
}

function microseconds(title: string, of: string, goal: number, least: number): Row {
  return {
    title,
    of: [of],
    value: (nanoseconds) => nanoseconds / 1000,
    goal,
    least,
    larger: false,
    format: (value) => `${value.toPrecision(3)} µs`,
  };
}

/** From this Node on, strings take longer; so do those of whom mmfbus is compared with. */
const [NODE = 0] = process.versions.node.split('.').map(Number);

/** What a bridge takes, against a loop that is written by hand. */
function againstByHand(direction: Direction, engine: Engine): Row[] {
  const name = bridgeName(direction, engine, 'bridge');
  const of = (part: string) =>
    [`${name}${part}`, `${bridgeName(direction, engine, 'by hand')}${part}`] as const;
  return [
    atMost(`${name}, processor time of a message, against by hand`, of(', processor time'), 1.05, 1.15),
    atLeast(`${name}, messages a second, against by hand`, of(''), 1, 0.9),
    atMost(`${name} at 2000/s, p50, against by hand`, of(', p50'), 1, 1.2),
  ];
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
  {
    title: 'one call at a time, p50, against the fastest peer between processes',
    of: ['calls, one at a time: mmfbus, p50'],
    best: ofRivals((peer) => `calls, one at a time: ${peer}, p50`, false),
    value: ratio,
    goal: 1 / 15,
    least: 1 / 8,
    larger: false,
    format: times,
  },
  {
    title: 'calls a second, 64 at once, against the fastest peer between processes',
    of: ['calls, 64 at once: mmfbus'],
    best: ofRivals((peer) => `calls, 64 at once: ${peer}`, true),
    value: ratio,
    goal: 10,
    least: 5,
    larger: true,
    format: times,
  },
  atMost(
    'one call at a time, p50, against a bare ping-pong of two channels',
    ['calls, one at a time: mmfbus, p50', 'calls, a bare ping-pong of two channels, p50'],
    1.5,
    2.5,
  ),
  atLeast(
    'typed values of a stream, against publishing the same',
    // Both have their values at hand: what an asynchronous generator takes for each is its own.
    ['calls, a stream of values at hand', 'calls, the same published'],
    0.7,
    0.4,
  ),
  atLeast(
    'calls of four clients to four servers that block for 1 ms, against the ideal',
    ['calls, 4 servers that block, calls', 'calls, 4 servers that block, ideal'],
    0.95,
    0.85,
  ),
  {
    title: 'processor time of an idle server with 20 clients',
    of: ['calls, idle with 20 clients, cpu'],
    value: (percent) => percent,
    goal: 0.05,
    least: 0.3,
    larger: false,
    format: (value) => `${value.toFixed(3)} %`,
  },
  ...againstByHand('export', 'core'),
  ...againstByHand('import', 'core'),
  ...againstByHand('export', 'stream'),
  ...againstByHand('import', 'stream'),
  ...realOneWay('quote', [7, 5.5]),
  atLeast('quote, schema, in batches', ['real, quote: mmfbus, batches', `real, quote: ${RIVAL}`], 12, 8),
  ...realOneWay('order book', [9, 6.5], [2.5, 1.3]),
  ...realOneWay('log record', NODE >= 26 ? [4, 2.8] : [6, 5], [2, 1.4]),
  ...realOneWay('blob', [5, 3.5]),
  atLeast('1 MiB as a view', ['real, 1 MiB: mmfbus, views', `real, 1 MiB: ${RIVAL}`], 12, 8),
  atLeast('16 MiB as a view', ['real, 16 MiB: mmfbus, views', `real, 16 MiB: ${RIVAL}`], 4, 2),
  atLeast('1 MiB as a copy', ['real, 1 MiB: mmfbus', `real, 1 MiB: ${RIVAL}`], 2, 1),
  atLeast('16 MiB as a copy', ['real, 16 MiB: mmfbus', `real, 16 MiB: ${RIVAL}`], 1.5, 0.8),
  realRoundTrip('on one core', 'mmfbus', 0.3, 0.6),
  realRoundTrip('beside a busy core', 'mmfbus', 0.3, 0.6),
  realRoundTrip('of an order book', 'mmfbus, no shape', 0.08, 0.12),
  microseconds('round trip every 10 µs, p50', 'real, round trip every 10 µs: mmfbus, p50', 20, 300),
  realRoundTrip('cold', 'mmfbus', 0.8, 0.95),
  microseconds('round trip by poll, p50', 'real, round trip by poll: mmfbus, p50', 1, 1.5),
];

/** What a row came to. */
export interface Outcome {
  readonly title: string;
  readonly goal: string;
  readonly least: string;
  readonly measured: string;
  readonly reached: 'goal' | 'least' | 'missed';
}

type MedianOf = (name: string) => number | undefined;

/** The best of those that were measured: the peer and its median. */
function bestOf({ of, isLarger }: Best, medianOf: MedianOf): readonly [string, number] | undefined {
  const measured = Object.entries(of).flatMap(([peer, name]) => {
    const median = medianOf(name);
    return median === undefined ? [] : [[peer, median] as const];
  });
  return measured.sort(([, a], [, b]) => (isLarger ? b - a : a - b))[0];
}

/** The rows of which everything was measured. */
export function outcomes(medianOf: MedianOf): Outcome[] {
  return rows.flatMap((row) => {
    const medians = row.of.flatMap((name) => medianOf(name) ?? []);
    const best = row.best && bestOf(row.best, medianOf);
    if (medians.length < row.of.length || (row.best !== undefined && best === undefined)) return [];
    const value = row.value(...medians, ...(best === undefined ? [] : [best[1]]));
    const reaches = (limit: number) => (row.larger ? value >= limit : value <= limit);
    const reached = reaches(row.goal) ? 'goal' : reaches(row.least) ? 'least' : 'missed';
    const { goal, least, format } = row;
    const title = best === undefined ? row.title : `${row.title} (${best[0]})`;
    return [{ title, goal: format(goal), least: format(least), measured: format(value), reached }];
  });
}
