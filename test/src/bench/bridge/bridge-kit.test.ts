import { describe, expect, it } from 'vitest';
import { commandOf } from '../../support/tools.js';
import { runBench } from '../bench-run.js';

// How fast anything is is not checked.
describe.runIf(process.platform !== 'win32')('npm run bench -- --only bridge', () => {
  it('measures a bridge and a loop by hand, one way of each kind', async () => {
    commandOf('NATS');
    for (const way of ['to core NATS', 'from JetStream']) {
      const { results, goals } = await runBench(`bridge, ${way}`, { args: ['--quick'] });
      for (const part of ['', ', processor time', ', processor time at 2000/s', ', p50', ', p99']) {
        expect(results[`bridge, ${way}: a route${part}`]?.median).toBeGreaterThan(0);
        expect(results[`bridge, ${way}: by hand${part}`]?.median).toBeGreaterThan(0);
      }
      expect(goals.map(({ title }) => title)).toEqual([
        `bridge, ${way}: a route, processor time of a message, against by hand`,
        `bridge, ${way}: a route, messages a second, against by hand`,
        `bridge, ${way}: a route at 2000/s, p50, against by hand`,
      ]);
    }
  });
});
