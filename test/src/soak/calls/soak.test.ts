import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { scratchParent } from '../scratch.js';
import { CallSoak } from './soak.js';

/** Milliseconds: what hangs must still end. */
const WATCHDOG = 600_000;
/** Processes take much longer to start under Wine. */
const KILLS = process.platform === 'win32' ? 5 : 15;

describe('servers and clients that come, go and are killed at random', () => {
  it(
    'account for every call',
    async () => {
      const soak = new CallSoak({ seed: 1, processes: 6, kills: KILLS });
      await soak.run();
      expect(soak.problems).toEqual([]);
      const { kills, calls, answers } = soak.counts;
      expect(kills).toBeGreaterThanOrEqual(KILLS);
      expect(calls).toBeGreaterThan(0);
      expect(answers).toBeGreaterThan(0);
      const left = readdirSync(scratchParent()).filter((name) =>
        name.startsWith(`mmfbus-soak-${process.pid}-`),
      );
      expect(left).toEqual([]);
    },
    WATCHDOG,
  );
});
