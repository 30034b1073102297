import { describe, expect, it } from 'vitest';
import { timeBucket } from '../wire/statistics.js';
import { addUp, type MethodState, quantile } from './method-state.js';

/** A method whose calls took so many nanoseconds. */
function stateOf(...took: readonly number[]): MethodState {
  const times: number[] = new Array(100).fill(0);
  for (const time of took) {
    const place = timeBucket(time);
    times[place] = (times[place] ?? 0) + 1;
  }
  const time = took.reduce((sum, one) => sum + one, 0);
  return {
    name: 'm',
    running: 0,
    served: took.length,
    failed: 0,
    cancelled: 0,
    time,
    longest: Math.max(0, ...took),
    times,
  };
}

describe('a quantile', () => {
  it('is at least the time that was counted, and at most a quarter more', () => {
    for (let time = 1024; time < 2 ** 40; time = Math.ceil(time * 1.13)) {
      // The longest one is apart, so that it bounds nothing.
      const found = quantile(stateOf(time, time, 2 ** 45), 0.5) ?? Number.NaN;
      if (timeBucket(time) === 99) continue;
      expect(found / time).toBeGreaterThan(1);
      expect(found / time).toBeLessThanOrEqual(1.25);
    }
  });

  it('is never more than the longest time, and none where nothing has ended', () => {
    expect(quantile(stateOf(1_000_000), 0.99)).toBe(1_000_000);
    expect(quantile(stateOf(100, 1e15), 0.99)).toBe(1e15);
    expect(quantile(stateOf(), 0.5)).toBeUndefined();
  });

  it('is that of the part of the calls, also of several servers', () => {
    const quick = stateOf(...new Array(98).fill(1000));
    const slow = stateOf(1e6, 1e9);
    const both = addUp([quick, slow], 'm');
    expect(both).toMatchObject({ served: 100, time: 98_000 + 1e6 + 1e9, longest: 1e9 });
    expect(quantile(both, 0.98)).toBe(1024);
    expect(quantile(both, 0.99)).toBeGreaterThanOrEqual(1e6);
    expect(quantile(both, 0.99)).toBeLessThanOrEqual(1.25e6);
    expect(quantile(both, 1)).toBe(1e9);
  });
});
