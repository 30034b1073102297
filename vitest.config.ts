import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['packages/*/src/**/*.test.ts', 'test/src/**/*.test.ts', 'examples/src/**/*.test.ts'],
    setupFiles: ['test/src/support/stray-output.ts'],
    pool: 'forks',
    // Watchdogs, not performance limits: the machine may be slow, a hang must still end.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
