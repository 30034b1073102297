import { describe, expect, test } from 'vitest';
import { commandOf } from '../../support/tools.js';
import { type BenchRun, runBench } from '../bench-run.js';

const quick = { args: ['--quick'] };
/** Peers between processes that need nothing but their packages. */
const PEERS = ['gRPC', 'HTTP', 'vscode-jsonrpc', 'birpc', 'ZeroMQ'];

function medians(
  run: BenchRun,
  nameOf: (peer: string) => string,
  peers: readonly string[],
): [string, number][] {
  return peers.flatMap((peer): [string, number][] => {
    const median = run.results[nameOf(peer)]?.median;
    return median === undefined ? [] : [[peer, median]];
  });
}

/** The line of the table of goals that begins so: the peer that it names, and the ratio. */
function lineOf({ goals }: BenchRun, title: string): { readonly peer: string; readonly ratio: number } {
  const line = goals.find((goal) => goal.title.startsWith(title));
  const peer = /\((.+)\)$/.exec(line?.title ?? '')?.[1] ?? '';
  return { peer, ratio: Number.parseFloat(line?.measured ?? '') };
}

// How fast anything is is not checked: only that all peers answer all calls, and rightly, and what is made of the numbers.
describe.runIf(process.platform !== 'win32')('calls in npm run bench', () => {
  test('one at a time, by every peer, against the fastest between processes', async () => {
    const run = await runBench('calls, one at a time', quick);
    const nameOf = (peer: string) => `calls, one at a time: ${peer}, p50`;
    expect(Object.keys(run.results)).toEqual(
      expect.arrayContaining(
        ['mmfbus', 'comlink', ...PEERS].flatMap((peer) => [nameOf(peer), nameOf(peer).replace('p50', 'p99')]),
      ),
    );
    const rivals = medians(run, nameOf, [...PEERS, 'NATS']).sort(([, a], [, b]) => a - b);
    const [[, ours] = ['', Number.NaN]] = medians(run, nameOf, ['mmfbus']);
    const [[fastest, theirs] = ['', Number.NaN]] = rivals;
    const { peer, ratio } = lineOf(run, 'one call at a time, p50, against the fastest');
    expect(peer).toBe(fastest);
    // It is printed with two or three digits.
    expect(Math.abs(ratio / (ours / theirs) - 1)).toBeLessThan(0.05);
  });

  test('64 at once, by every peer, against the fastest between processes', async () => {
    const run = await runBench('calls, 64 at once', quick);
    const nameOf = (peer: string) => `calls, 64 at once: ${peer}`;
    const peers = [...PEERS, 'birpc, gathered'];
    expect(Object.keys(run.results)).toEqual(
      expect.arrayContaining(['mmfbus', 'comlink', ...peers].map(nameOf)),
    );
    const rivals = medians(run, nameOf, [...peers, 'NATS']).sort(([, a], [, b]) => b - a);
    const [[, ours] = ['', Number.NaN]] = medians(run, nameOf, ['mmfbus']);
    const [[fastest, theirs] = ['', Number.NaN]] = rivals;
    const { peer, ratio } = lineOf(run, 'calls a second, 64 at once, against the fastest');
    expect(peer).toBe(fastest);
    expect(Math.abs(ratio / (ours / theirs) - 1)).toBeLessThan(0.01);
  });

  test('by NATS, where it is installed', async () => {
    commandOf('NATS');
    const { results } = await runBench(': NATS', quick);
    expect(Object.keys(results)).toEqual(
      expect.arrayContaining(['calls, one at a time: NATS, p50', 'calls, 64 at once: NATS']),
    );
  });

  test.each(['calls, a ', 'calls, the same published'])('what "%s" stands for', async (only) => {
    const { results } = await runBench(only, quick);
    const values = Object.values(results);
    expect(values.length).toBeGreaterThanOrEqual(2);
    for (const { median } of values) expect(median).toBeGreaterThan(0);
  });

  test('servers that block, which are not faster than the ideal by much', async () => {
    const { results, goals } = await runBench('calls, 4 servers', quick);
    const { 'calls, 4 servers that block, calls': calls, 'calls, 4 servers that block, ideal': ideal } =
      results;
    // A server that sleeps for a millisecond does so at most 1000 times a second. Answers that were on their way when the 400 ms
    // began count as well: 32 at most, and one of each server.
    for (const value of [calls, ideal]) {
      expect(value?.median).toBeGreaterThan(0);
      expect(value?.median).toBeLessThanOrEqual(4000 + 36 / 0.4);
    }
    expect(goals.map(({ title }) => title)).toEqual([
      'calls of four clients to four servers that block for 1 ms, against the ideal',
    ]);
  });

  test('an idle server', async () => {
    const { results } = await runBench('calls, idle', quick);
    for (const part of ['cpu', 'cpu of a client'])
      expect(results[`calls, idle with 20 clients, ${part}`]).toMatchObject({ unit: '%' });
  });
});
