import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { callMany } from '../../bench/dist/calls/call-many.js';
import { startNode } from '../support/spawn.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { workspaceRoot } from '../support/workspace.js';
import { runBench } from './bench-run.js';

const quick = { args: ['--quick'] };
const charts = join(workspaceRoot, 'test', 'bench', 'dist', 'charts', 'main.js');
const folder = temporaryFolder('calls');

/** A copy of a document, which a program may write to. */
function copyOf(path: string): string {
  const copy = join(folder, path.replaceAll('/', '-'));
  copyFileSync(join(workspaceRoot, path), copy);
  return copy;
}

/** Draws the charts of those results, and gives what it has written into the README and docs/performance.md. */
async function draw(results: unknown): Promise<readonly string[]> {
  const from = join(folder, 'results.json');
  writeFileSync(from, JSON.stringify(results));
  const [readme, comparison, performance] = ['README.md', 'docs/comparison.md', 'docs/performance.md'].map(
    copyOf,
  ) as [string, string, string];
  const places = ['--readme', readme, '--comparison', comparison, '--performance', performance];
  await startNode(charts, { args: ['--from', from, '--to', folder, ...places] }).success();
  return [readme, performance].map((path) => readFileSync(path, 'utf8'));
}

// How fast anything is is not checked.
describe.runIf(process.platform !== 'win32')('npm run bench -- --only calls', () => {
  it('measures calls of mmfbus and of a peer, and draws them', async () => {
    const measured: Record<string, { unit: string; median: number }> = {};
    const goals: string[] = [];
    for (const only of ['calls, one at a time: mmfbus', 'calls, 64 at once: mmfbus', ': birpc']) {
      const run = await runBench(only, quick);
      Object.assign(measured, run.results);
      goals.push(...run.goals.map(({ title }) => title));
    }
    for (const peer of ['mmfbus', 'birpc']) {
      expect(measured[`calls, one at a time: ${peer}, p50`]).toMatchObject({ unit: 'ns' });
      expect(measured[`calls, 64 at once: ${peer}`]).toMatchObject({ unit: 'calls/s' });
    }
    // No run had all that a line of the table is made of.
    expect(goals).toEqual([]);

    const committed = JSON.parse(readFileSync(join(workspaceRoot, 'docs/bench/results.json'), 'utf8'));
    const others = Object.entries(committed.results).filter(([name]) => !name.startsWith('calls, '));
    const documents = await draw({ ...committed, results: { ...Object.fromEntries(others), ...measured } });
    for (const text of documents) {
      expect(text).toMatch(
        /<!-- calls: .*\| \*\*mmfbus\*\* \| [\d.]+ µs \| [\d.]+ µs \| [\d.]+ k \|.*<!-- end of calls -->/s,
      );
      expect(text).toMatch(/\| birpc over a Unix socket, and msgpackr \| [\d.]+ µs /);
      expect(text).not.toContain('| NATS request');
    }
    expect(documents[0]).toMatch(/<!-- real messages: .*\| an order book: .*<!-- end of real messages -->/s);
    expect(documents[1]).toMatch(
      /<!-- goals of real messages: .*Node 20 .*Node 26 .*\| order book, schema \|/s,
    );
    for (const chart of ['calls.svg', 'calls-at-once.svg']) {
      expect(documents[1]).toContain(`(bench/${chart})`);
      expect(readFileSync(join(folder, chart), 'utf8')).toContain('>birpc, Unix socket<');
    }
  });

  it('leaves out a peer whose server is not installed, and says so once', async () => {
    const run = await runBench(': NATS', { ...quick, env: { PATH: '/nonexistent' } });
    expect(run.results).toEqual({});
    expect(run.stderr.match(/NATS is left out: there is no nats-server/g)).toHaveLength(1);
  });

  it('fails when an answer is wrong', async () => {
    const right = callMany({ call: async ({ id, px, qty }) => id + px * qty }, 4, 0, 10);
    expect(await right).toHaveLength(10);
    const wrong = callMany({ call: async ({ px, qty }) => px * qty }, 4, 0, 10);
    await expect(wrong).rejects.toThrow('call 1 was answered with 18725');
  });
});
