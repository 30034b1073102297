import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startNode } from '../support/spawn.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { workspaceRoot } from '../support/workspace.js';

const program = join(workspaceRoot, 'test', 'bench', 'dist', 'main.js');
const json = join(temporaryFolder('bench'), 'results.json');

/** Measures what has that text in its name, and gives the values by name. */
async function measure(only: string, ...args: string[]): Promise<Record<string, { median: number }>> {
  await startNode(program, { args: ['--rounds', '1', '--only', only, '--json', json, ...args] }).success();
  return JSON.parse(readFileSync(json, 'utf8')).results;
}

// It does not check how fast anything is: only that what is measured arrives, whole and in order.
describe.runIf(process.platform !== 'win32')('npm run bench', () => {
  it('measures mmfbus with a shape and without', async () => {
    const results = await measure('one way: mmfbus', '--quick');
    for (const way of ['mmfbus', 'mmfbus, no shape']) {
      expect(results[`one way: ${way}`]?.median).toBeGreaterThan(0);
      expect(results[`one way: ${way}, processor time of a million`]?.median).toBeGreaterThan(0);
    }
  });

  it('measures a peer with several consumers', async () => {
    const results = await measure('to 4 subscribers: zeromq');
    expect(results['to 4 subscribers: zeromq']?.median).toBeGreaterThan(0);
  });

  it('measures round trips at a fixed rate', async () => {
    const results = await measure('round trip at 100,000/s: Unix socket');
    const [p50 = Number.NaN, p99] = ['p50', 'p99'].map(
      (part) => results[`round trip at 100,000/s: Unix socket, ${part}`]?.median,
    );
    expect(p50).toBeGreaterThan(0);
    expect(p99).toBeGreaterThanOrEqual(p50);
  });

  it('refuses an invalid number of rounds', async () => {
    const ending = await startNode(program, { args: ['--rounds', 'many'] }).exit();
    expect(ending).toMatchObject({ status: 2, stderr: expect.stringContaining('--rounds') });
  });
});
