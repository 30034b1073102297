import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/** Folders of tests that take minutes: `npm run test:proofs` runs them, `npm test` runs all others. */
const PROOFS = ['kill-matrix', 'model', 'conformance', 'soak', 'hostile', 'workers', 'containers'];

const proofs = PROOFS.map((folder) => `test/src/${folder}/**/*.test.ts`);

export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'fast',
          include: ['packages/*/src/**/*.test.ts', 'test/src/**/*.test.ts', 'examples/src/**/*.test.ts'],
          exclude: proofs,
        },
      },
      { extends: true, test: { name: 'proofs', include: proofs } },
    ],
    setupFiles: ['test/src/support/stray-output.ts', 'test/src/support/missing-tools.ts'],
    pool: 'forks',
    // Most of the time they wait for processes, so that two at a time are no burden even where there are two cores.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // Watchdogs, not performance limits: the machine may be slow, a hang must still end.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
