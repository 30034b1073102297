import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Folders and files of tests that take long: `npm run test:proofs` runs them, `npm test` runs all others. */
const PROOFS = [
  'kill-matrix',
  'killed',
  'model',
  'conformance',
  'generated',
  'native',
  'soak',
  'hostile',
  'workers',
  'containers',
  'runtimes',
  'examples',
  'site',
  'consumers',
  'bundlers',
  'bench/bridge',
  'bench/calls',
  'bench/calls-kit.test.ts',
  'command',
  'page',
  'nats',
  'codec/hostile-bytes.test.ts',
  'codec/hostile-values.test.ts',
  'codec/dynamic-values.test.ts',
  'codec/round-trips.test.ts',
  'codec/shapes-from-text.test.ts',
  'codec/without-generation.test.ts',
  'generate/command-line.test.ts',
  'generate/typescript.test.ts',
  'packaging/packed.test.ts',
  'packaging/packed-native.test.ts',
  'packaging/release.test.ts',
  'properties',
  'service/killed.test.ts',
  'service/lost.test.ts',
  'users',
];

/**
 * Tests that `npm run test:proofs` runs once more, as in a runtime that forbids external buffers, like Electron: those of mapping, and
 * of what channels do with that.
 */
const CAGED = [
  'packages/core/src/**/*.test.ts',
  'packages/channel/src/**/*.test.ts',
  ...['channel', 'e2e', 'mappings', 'properties', 'users', 'workers'].map(
    (folder) => `test/src/${folder}/**/*.test.ts`,
  ),
];

/** What `.ci/run` reads after a run of that project alone. */
const proofsSummary = '.cache/test-proofs-summary.json';
const summaries = { fast: '.cache/test-summary.json', proofs: proofsSummary, caged: proofsSummary };

/** Where imports of our packages lead when coverage is measured: to the sources, so that what is counted is what runs. */
const packages = fileURLToPath(new URL('packages', import.meta.url));
const sources = [
  { find: /^mmfbus$/, replacement: `${packages}/mmfbus/src/index.ts` },
  { find: /^@mmfbus\/(?!terminal$)(\w+)$/, replacement: `${packages}/$1/src/index.ts` },
  { find: /^@mmfbus\/(\w+)\/(\w+)$/, replacement: `${packages}/$1/src/$2.ts` },
];
const isCounted = process.argv.some((arg) => arg.startsWith('--coverage'));

const proofs = PROOFS.map((name) => `test/src/${name.endsWith('.ts') ? name : `${name}/**/*.test.ts`}`);

export default defineConfig({
  resolve: { alias: isCounted ? sources : [] },
  test: {
    coverage: {
      include: ['packages/*/src/**/*.ts'],
      exclude: ['**/*.test.ts'],
      reporter: [['text', { skipFull: true, maxCols: 160 }]],
    },
    projects: [
      {
        extends: true,
        test: {
          name: 'fast',
          include: ['packages/*/src/**/*.test.ts', 'test/src/**/*.test.ts', 'terminal/src/**/*.test.ts'],
          exclude: proofs,
        },
      },
      {
        extends: true,
        test: { name: 'proofs', include: [...proofs, 'examples/flights/src/**/*.test.ts'] },
      },
      {
        extends: true,
        test: {
          name: 'caged',
          include: CAGED,
          env: { MMFBUS_EXTERNAL_BUFFERS: 'off' },
          setupFiles: ['test/src/support/no-external-buffers.ts'],
        },
      },
    ],
    reporters: ['default', ['./test/src/support/run-report.ts', { summaries }]],
    setupFiles: ['test/src/support/stray-output.ts', 'test/src/support/missing-tools.ts'],
    pool: 'forks',
    // Most of the time they wait for processes, so that two at a time are no burden even where there are two cores.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // Watchdogs, not performance limits: the machine may be slow, a hang must still end.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
