import { expect, it } from 'vitest';
import { monotonicNow } from './clock.js';

it('agrees with the monotonic clock of the system to a microsecond', () => {
  for (let count = 0; count < 1000; count++) {
    const before = Number(process.hrtime.bigint());
    const time = monotonicNow();
    const after = Number(process.hrtime.bigint());
    expect(time).toBeGreaterThan(before - 1000);
    expect(time).toBeLessThan(after + 1000);
  }
});
