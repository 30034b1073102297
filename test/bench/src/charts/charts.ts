import { hasCalls, type Results } from '../results.js';
import { type BarGroup, barChart } from './bars.js';
import { formatMicroseconds, formatRate } from './formats.js';
import { lineChart, type Series } from './lines.js';
import { linear, logarithmic } from './scale.js';

/** Each transport, and what it is called in a chart. */
const transports: readonly (readonly [string, string])[] = [
  ['mmfbus', 'mmfbus, shape'],
  ['mmfbus, no shape', 'mmfbus, any object'],
  ['Unix socket', 'Unix socket'],
  ['Unix socket, gathered', 'Unix socket, gathered'],
  ['worker_threads', 'worker_threads'],
  ['child_process', 'child_process'],
  ['zeromq', 'ZeroMQ'],
  ['NATS', 'NATS'],
  ['Redis', 'Redis'],
];

function medianOf({ results }: Results, name: string): number | undefined {
  return results[name]?.median;
}

function measured(values: readonly (number | undefined)[]): number[] {
  return values.filter((value) => value !== undefined);
}

function footerOf({ machine, date, rounds }: Results): string {
  return `${machine}; ${rounds === 1 ? 'one round' : `medians of ${rounds} rounds`}, ${date.slice(0, 10)}`;
}

function oneWay(results: Results): string {
  const groups = transports.flatMap(([name, label]): BarGroup[] => {
    const value = medianOf(results, `one way: ${name}`);
    return value === undefined ? [] : [{ label, values: [value], ours: name.startsWith('mmfbus') }];
  });
  return barChart({
    title: 'Objects a second, one process to another',
    subtitle: 'a quote of six fields, encoded and decoded; more is better',
    footer: footerOf(results),
    series: ['messages a second'],
    groups,
    scale: linear(Math.max(...groups.flatMap(({ values }) => measured(values)))),
    format: formatRate,
  });
}

function roundTrips(results: Results): string {
  const groups = transports.flatMap(([name, label]): BarGroup[] => {
    const values = ['cold', 'warm', 'busy'].map((kind) =>
      medianOf(results, `round trip ${kind}: ${name}, p50`),
    );
    return measured(values).length === 0 ? [] : [{ label, values, ours: name === 'mmfbus' }];
  });
  const all = groups.flatMap(({ values }) => measured(values));
  return barChart({
    title: 'There and back, median',
    subtitle: 'less is better; the scale is logarithmic',
    footer: footerOf(results),
    series: ['every 10 ms, asleep', 'one after the other', 'both sides polling'],
    groups,
    scale: logarithmic(Math.min(...all), Math.max(...all)),
    format: formatMicroseconds,
  });
}

const lengths: readonly (readonly [string, number])[] = [
  ['16 B', 16],
  ['64 B', 64],
  ['256 B', 256],
  ['1 KiB', 2 ** 10],
  ['16 KiB', 2 ** 14],
  ['1 MiB', 2 ** 20],
  ['16 MiB', 2 ** 24],
];

function sizes(results: Results): string {
  const series = ['mmfbus, views', 'mmfbus', 'Unix socket'].map((name): Series => {
    const values = lengths.map(([text, length]) => {
      const rate = medianOf(results, `${text}: ${name}`);
      return rate === undefined ? undefined : rate * length;
    });
    return { name, values };
  });
  const all = series.flatMap(({ values }) => measured(values));
  return lineChart({
    title: 'Bytes a second, by the length of a message',
    subtitle: 'no encoding; more is better; both scales are logarithmic',
    footer: footerOf(results),
    labels: lengths.map(([text]) => text),
    axis: 'length of a message',
    series: series.filter(({ values }) => measured(values).length > 0),
    scale: logarithmic(Math.min(...all), Math.max(...all)),
    format: (value) => `${formatRate(value)}B/s`,
  });
}

function fanOut(results: Results): string {
  const counts = [1, 2, 4, 8, 16];
  const series = ['mmfbus', 'Unix socket', 'zeromq', 'NATS', 'Redis'].map((name): Series => {
    const fromOneWay = medianOf(results, `one way: ${name}`);
    const values = counts.map(
      (count) =>
        medianOf(results, `to ${count} subscribers: ${name}`) ?? (count === 1 ? fromOneWay : undefined),
    );
    return { name, values };
  });
  const all = series.flatMap(({ values }) => measured(values));
  return lineChart({
    title: 'Objects a second to several subscribers',
    subtitle: 'each subscriber gets all of them; more is better; the scale is logarithmic',
    footer: footerOf(results),
    labels: counts.map(String),
    axis: 'subscribers, each a process',
    series: series.filter(({ values }) => measured(values).length > 0),
    scale: logarithmic(Math.min(...all), Math.max(...all)),
    format: formatRate,
  });
}

/** Each peer of the calls, and what it is called in a chart. */
const callPeers: readonly (readonly [string, string])[] = [
  ['mmfbus', 'mmfbus'],
  ['birpc', 'birpc, Unix socket'],
  ['birpc, gathered', 'birpc, gathered'],
  ['vscode-jsonrpc', 'vscode-jsonrpc'],
  ['HTTP', 'node:http, Unix socket'],
  ['gRPC', 'gRPC, Unix socket'],
  ['ZeroMQ', 'ZeroMQ'],
  ['NATS', 'NATS'],
  ['comlink', 'comlink (a Worker)'],
];

const CALLS = 'One call at a time';
const CALLS_AT_ONCE = 'Calls a second, 64 at once';

function groupsOfCalls(results: Results, namesOf: (peer: string) => readonly string[]): BarGroup[] {
  return callPeers.flatMap(([peer, label]): BarGroup[] => {
    const values = namesOf(peer).map((name) => medianOf(results, name));
    return measured(values).length === 0 ? [] : [{ label, values, ours: peer === 'mmfbus' }];
  });
}

function calls(results: Results): string {
  const groups = groupsOfCalls(results, (peer) =>
    ['p50', 'p99'].map((part) => `calls, one at a time: ${peer}, ${part}`),
  );
  const all = groups.flatMap(({ values }) => measured(values));
  return barChart({
    title: CALLS,
    subtitle: 'a quote of six fields there, a number back; less is better; the scale is logarithmic',
    footer: footerOf(results),
    series: ['median', '99 of 100 at most'],
    groups,
    scale: logarithmic(Math.min(...all), Math.max(...all)),
    format: formatMicroseconds,
  });
}

function callsAtOnce(results: Results): string {
  const groups = groupsOfCalls(results, (peer) => [`calls, 64 at once: ${peer}`]);
  return barChart({
    title: CALLS_AT_ONCE,
    subtitle: 'a quote of six fields there, a number back; more is better',
    footer: footerOf(results),
    series: ['calls a second'],
    groups,
    scale: linear(Math.max(...groups.flatMap(({ values }) => measured(values)))),
    format: formatRate,
  });
}

/** The charts of calls, by the names of their files; none where calls of mmfbus were not measured. */
function chartsOfCalls(results: Results): Readonly<Record<string, string>> {
  if (!hasCalls(results)) return {};
  return { 'calls.svg': calls(results), 'calls-at-once.svg': callsAtOnce(results) };
}

/** Lines of Markdown in a document of `docs` that show those charts. */
export const imagesOfCalls: readonly string[] = [
  `![${CALLS}](bench/calls.svg)`,
  '',
  `![${CALLS_AT_ONCE}](bench/calls-at-once.svg)`,
  '',
];

/** The charts, by the names of their files. */
export function charts(results: Results): Readonly<Record<string, string>> {
  return {
    ...chartsOfCalls(results),
    'one-way.svg': oneWay(results),
    'round-trips.svg': roundTrips(results),
    'sizes.svg': sizes(results),
    'fan-out.svg': fanOut(results),
  };
}
