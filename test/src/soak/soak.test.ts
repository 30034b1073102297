import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { Soak } from './soak.js';

/** Milliseconds: what hangs must still end. */
const WATCHDOG = 600_000;
/** Processes take much longer to start under Wine. */
const KILLS = process.platform === 'win32' ? 20 : 60;

/** What soaks of this process left behind. */
function leftovers(): string[] {
  return ['/dev/shm', tmpdir()]
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder))
    .filter((name) => name.startsWith(`mmfbus-soak-${process.pid}-`));
}

describe('processes that come, go and are killed at random', () => {
  it(
    'account for every message',
    async () => {
      const soak = new Soak({ seed: 1, channels: 6, processes: 6, kills: KILLS });
      await soak.run();
      expect(soak.problems).toEqual([]);
      const { kills, published, received } = soak.counts;
      expect(kills).toBeGreaterThanOrEqual(KILLS);
      expect(published).toBeGreaterThan(0);
      expect(received).toBeGreaterThan(0);
      expect(leftovers()).toEqual([]);
    },
    WATCHDOG,
  );
});
