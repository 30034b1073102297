import { describe, expect, it } from 'vitest';
import { commandOf } from '../../support/tools.js';
import { NatsSoak } from './soak.js';

/** Milliseconds: what hangs must still end. */
const WATCHDOG = 300_000;
const KILLS = 25;

describe('bridges, a server, publishers and subscribers that are killed at random', () => {
  it('account for every message', { timeout: WATCHDOG }, async () => {
    commandOf('NATS');
    const soak = new NatsSoak({ seed: 1, kills: KILLS });
    await soak.run();
    expect(soak.problems).toEqual([]);
    const { kills, published, arrived, missed } = soak.counts;
    expect(kills).toBeGreaterThanOrEqual(KILLS);
    expect(arrived).toBeGreaterThan(0);
    expect(arrived + [...missed.values()].reduce((sum, count) => sum + count, 0)).toBe(published);
  });
});
