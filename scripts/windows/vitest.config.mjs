import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const common = {
  setupFiles: ['test/src/support/stray-output.ts', 'test/src/support/missing-tools.ts'],
  pool: 'forks',
  // Watchdogs, not performance limits: the machine may be slow, a hang must still end.
  testTimeout: 120_000,
  hookTimeout: 120_000,
};

// As `test-windows.mjs` reads it.
const summaries = { bus: 'summary.json', others: 'summary.json' };

// For the copy of the workspace that the Windows programs see; paths are relative to it.
export default defineConfig({
  test: {
    reporters: ['default', ['./test/src/support/run-report.ts', { summaries }]],
    projects: [
      {
        // Windows has one set of names: who lists all channels, or keeps their directory locked, must be alone.
        test: {
          ...common,
          name: 'bus',
          include: [
            'test/src/bus/**/*.test.ts',
            'test/src/channel/joining-limits.test.ts',
            'test/src/command/services.test.ts',
            'test/src/native/directory.test.ts',
            'test/src/service/observe.test.ts',
          ],
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...common,
          name: 'others',
          include: [
            'packages/*/src/**/*.test.ts',
            'test/src/channel/**/*.test.ts',
            'test/src/compat/**/*.test.ts',
            'test/src/conformance/clock.test.ts',
            'test/src/conformance/**/windows.test.ts',
            'test/src/e2e/**/*.test.ts',
            'test/src/hostile/**/*.test.ts',
            'test/src/kill-matrix/**/*.test.ts',
            'test/src/mappings/**/*.test.ts',
            'test/src/native/windows.test.ts',
            'test/src/properties/**/*.test.ts',
            'test/src/service/**/*.test.ts',
            'test/src/soak/**/*.test.ts',
            'test/src/workers/**/*.test.ts',
          ],
          // All but the first two, which are alone above, are of POSIX: programs that are compiled for it, names of files, signals
          // that a process hears.
          exclude: [
            'test/src/channel/joining-limits.test.ts',
            'test/src/service/observe.test.ts',
            'packages/core/src/platform/posix/**',
            'test/src/compat/names-document.test.ts',
            'test/src/compat/header.test.ts',
            'test/src/hostile/native.test.ts',
            'test/src/hostile/services.test.ts',
            'test/src/hostile/scribbler.test.ts',
            'test/src/mappings/two-copies.test.ts',
            'test/src/soak/calls/soak.test.ts',
            'test/src/soak/nats/**/*.test.ts',
            // And these take long, and ask nothing of the system.
            'packages/codec/src/random-bytes.test.ts',
            'packages/codec/src/shape/from-text.test.ts',
            'test/src/service/contract-text.test.ts',
          ],
          // Most of the time they wait for processes, so that two at a time are no burden even where there are two cores.
          maxWorkers: Math.max(2, availableParallelism() - 1),
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
