import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['packages/*/src/**/*.test.ts', 'test/src/**/*.test.ts', 'examples/src/**/*.test.ts'],
    setupFiles: ['test/src/support/stray-output.ts'],
    pool: 'forks',
    // Most of the time they wait for processes, so that two at a time are no burden even where there are two cores.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // Watchdogs, not performance limits: the machine may be slow, a hang must still end.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
