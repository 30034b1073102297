import { describe, expect, it } from 'vitest';
import { startNode } from '../support/spawn.js';
import { benchProgram, runBench } from './bench-run.js';

// It does not check how fast anything is: only that what is measured arrives, whole and in order.
describe.runIf(process.platform !== 'win32')('npm run bench', () => {
  it('measures mmfbus with a shape and without', async () => {
    const { results } = await runBench('one way: mmfbus', { args: ['--quick'] });
    for (const way of ['mmfbus', 'mmfbus, no shape']) {
      expect(results[`one way: ${way}`]?.median).toBeGreaterThan(0);
      expect(results[`one way: ${way}, processor time of a million`]?.median).toBeGreaterThan(0);
    }
  });

  it('measures a peer with several consumers', async () => {
    const { results } = await runBench('to 4 subscribers: zeromq');
    expect(results['to 4 subscribers: zeromq']?.median).toBeGreaterThan(0);
  });

  it('measures round trips at a fixed rate', async () => {
    const { results } = await runBench('round trip at 100,000/s: Unix socket');
    const [p50 = Number.NaN, p99] = ['p50', 'p99'].map(
      (part) => results[`round trip at 100,000/s: Unix socket, ${part}`]?.median,
    );
    expect(p50).toBeGreaterThan(0);
    expect(p99).toBeGreaterThanOrEqual(p50);
  });

  it('refuses an invalid number of rounds', async () => {
    const ending = await startNode(benchProgram, { args: ['--rounds', 'many'] }).exit();
    expect(ending).toMatchObject({ status: 2, stderr: expect.stringContaining('--rounds') });
  });
});
