import { describe, expect, it } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { startProgram } from '../support/spawn.js';
import { uniqueName } from '../support/unique-name.js';

ownDirectory('resources');

/** One that stays open for each of them is enough to be seen. A start takes a second under Wine. */
const WORKERS = process.platform === 'win32' ? 8 : 30;
const WATCHDOG = 500_000;

describe('many Workers, one after another, leave nothing open in their process, which can end', () => {
  it.each([
    ['that end by themselves', 'fade'],
    ['that end by process.exit', 'exit'],
    ['that are terminated asleep', 'listen'],
    ['that are terminated while they publish', 'flood'],
  ])(
    '%s',
    async (_, act) => {
      const args = [uniqueName('many'), act, String(WORKERS)];
      const program = startProgram('many-workers', { args, watchdog: WATCHDOG });
      const { before, after } = JSON.parse(await program.success());
      expect(after).toEqual(before);
    },
    2 * WATCHDOG,
  );
});
