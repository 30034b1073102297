import { hasCalls, type Results } from '../results.js';
import { formatMicroseconds, formatRate } from './formats.js';

/** Puts a table between its two marks in a Markdown text; it throws when the text has no such place. */
export function withTable(markdown: string, title: string, table: readonly string[]): string {
  const begin = `<!-- ${title}: npm run bench:charts writes this table -->`;
  const end = `<!-- end of ${title} -->`;
  const [from, to] = [markdown.indexOf(begin), markdown.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`there is no ${begin} before ${end}`);
  const content = table.length === 0 ? '\n' : `\n\n${table.join('\n')}\n\n`;
  return `${markdown.slice(0, from)}${begin}${content}${markdown.slice(to)}`;
}

/**
 * Puts the table of goals between its two marks in a Markdown text.
 *
 * @throws when the text has no such place.
 */
export function withGoals(markdown: string, { goals }: Results): string {
  const lines = goals.map(
    ({ title, measured, goal, least }) => `| ${title} | ${measured} | ${goal} | ${least} |`,
  );
  return withTable(markdown, 'goals', [
    '| | measured | goal | at least |',
    '| --- | --: | --: | --: |',
    ...lines,
  ]);
}

/** What Node programs would use instead: its name in the results, and in the table. */
const RIVALS: readonly (readonly [string, string])[] = [
  ['Unix socket', 'Unix socket and msgpackr, a write for each message'],
  ['Unix socket, gathered', 'the same, writes gathered to 64 KiB'],
  ['worker_threads', '`worker_threads`: `postMessage()`'],
  ['child_process', '`child_process`: IPC with JSON'],
  ['zeromq', 'ZeroMQ over `ipc://`, and msgpackr'],
  ['NATS', 'NATS on the same machine, and msgpackr'],
  ['Redis', 'Redis pub/sub on the same machine, and msgpackr'],
];

/** `6.54 M (32×)`: what was measured, and a ratio. */
export function against(text: string, ratio: number): string {
  return `${text} (${Number(ratio.toPrecision(2))}×)`;
}

/**
 * Puts the table that compares mmfbus with what else programs could use between its two marks in a Markdown text.
 *
 * @throws when the text has no such place, or mmfbus itself was not measured.
 */
export function withComparison(markdown: string, { results }: Results): string {
  const rateOf = (name: string) => results[`one way: ${name}`]?.median;
  const roundTripOf = (name: string) => results[`round trip warm: ${name}, p50`]?.median;
  const [rate, roundTrip] = [rateOf('mmfbus'), roundTripOf('mmfbus')];
  if (rate === undefined || roundTrip === undefined) throw new Error('mmfbus itself was not measured');
  const anyObject = rateOf('mmfbus, no shape');
  const ours = [
    `| **mmfbus**, with a schema | ${formatRate(rate)} | ${formatMicroseconds(roundTrip)} |`,
    ...(anyObject === undefined
      ? []
      : [`| **mmfbus**, without a schema | ${against(formatRate(anyObject), rate / anyObject)} | – |`]),
  ];
  const others = RIVALS.flatMap(([name, label]) => {
    const [theirRate, theirTrip] = [rateOf(name), roundTripOf(name)];
    if (theirRate === undefined) return [];
    const trip =
      theirTrip === undefined ? '–' : against(formatMicroseconds(theirTrip), theirTrip / roundTrip);
    return [`| ${label} | ${against(formatRate(theirRate), rate / theirRate)} | ${trip} |`];
  });
  return withTable(markdown, 'comparison', [
    '| | objects a second, one way | round trip, median |',
    '| --- | --: | --: |',
    ...ours,
    ...others,
  ]);
}

/** What programs would call each other with instead: its name in the results, and in the table. */
const RIVALS_OF_CALLS: readonly (readonly [string, string])[] = [
  ['birpc', 'birpc over a Unix socket, and msgpackr'],
  ['birpc, gathered', 'the same, writes gathered to 64 KiB'],
  ['vscode-jsonrpc', 'vscode-jsonrpc over a Unix socket'],
  ['HTTP', '`node:http` over a Unix socket, kept alive, and JSON'],
  ['gRPC', '`@grpc/grpc-js` over a Unix socket'],
  ['ZeroMQ', 'ZeroMQ request and reply over `ipc://`, and msgpackr'],
  ['NATS', 'NATS request on the same machine, and JSON'],
  ['comlink', 'comlink to a Worker: threads, not processes'],
];

/**
 * Puts the table that compares calls between its two marks in a Markdown text; nothing where calls of mmfbus were not measured.
 *
 * @param before are lines above the table.
 * @throws when the text has no such place.
 */
export function withCalls(markdown: string, measured: Results, before: readonly string[]): string {
  if (!hasCalls(measured)) return withTable(markdown, 'calls', []);
  const medianOf = (name: string) => measured.results[name]?.median;
  const lineOf = ([peer, label]: readonly [string, string]): string[] => {
    const [p50, p99] = ['p50', 'p99'].map((part) => medianOf(`calls, one at a time: ${peer}, ${part}`));
    const rate = medianOf(`calls, 64 at once: ${peer}`);
    if (p50 === undefined && rate === undefined) return [];
    const cells = [
      p50 === undefined ? '–' : formatMicroseconds(p50),
      p99 === undefined ? '–' : formatMicroseconds(p99),
      rate === undefined ? '–' : formatRate(rate),
    ];
    return [`| ${label} | ${cells.join(' | ')} |`];
  };
  return withTable(markdown, 'calls', [
    ...before,
    '| | one call at a time, median | 99 of 100 at most | calls a second, 64 at once |',
    '| --- | --: | --: | --: |',
    ...lineOf(['mmfbus', '**mmfbus**']),
    ...RIVALS_OF_CALLS.flatMap(lineOf),
  ]);
}
