import { randomInt } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { startProgram } from '../support/spawn.js';

/** Changes in all; fewer where a process takes long to start. */
const CHANGES = Number(
  process.env['MMFBUS_FUZZ_CHANGES'] ?? (process.platform === 'win32' ? 20_000 : 40_000),
);
const SEED = Number(process.env['MMFBUS_FUZZ_SEED'] ?? randomInt(2 ** 30));
/** Processes that work side by side. */
const PROCESSES = process.platform === 'win32' ? 1 : 4;
/** Milliseconds after which one that says nothing hangs. */
const WATCHDOG = 900_000;

ownDirectory('hostile');

describe('a channel whose memory any process changes', () => {
  it.each([
    { mode: 'here', share: 0.8 },
    { mode: 'meanwhile', share: 0.2 },
  ])(
    `never crashes, hangs, or passes off what is wrong as good, changed $mode, with the seed ${SEED}`,
    async ({ mode, share }) => {
      const changes = Math.ceil((CHANGES * share) / PROCESSES);
      const programs = Array.from({ length: PROCESSES }, (_, index) => {
        const args = [String(SEED + index * 1_000_000), String(changes), mode];
        return startProgram('hostile-memory', { args, watchdog: WATCHDOG });
      });
      for (const program of programs) {
        const stdout = await program.success();
        const { taken, warnings } = JSON.parse(/^done (.*)$/m.exec(stdout)?.[1] ?? '{}');
        // It is of no use where nothing works any more, or nothing is found out.
        expect(taken).toBeGreaterThan(changes / 10);
        expect(warnings).toBeGreaterThan(changes / 100);
      }
    },
    WATCHDOG,
  );
});
