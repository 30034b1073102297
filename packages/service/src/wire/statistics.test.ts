import { describe, expect, it } from 'vitest';
import { timeBucket } from './statistics.js';

describe('the place of a time', () => {
  it('is one of four for each power of two', () => {
    const places = [0, 255, 256, 1024, 1280, 1536, 1792, 2048, 2560, 3072, 3584, 4096].map(timeBucket);
    expect(places).toEqual([0, 0, 1, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  it('never goes down, and leaves out none', () => {
    let last = 0;
    for (let time = 0; time < 1e10; time = Math.max(time + 256, Math.floor(time * 1.05))) {
      const place = timeBucket(time);
      expect(place - last).toBeGreaterThanOrEqual(0);
      expect(place - last).toBeLessThanOrEqual(1);
      last = place;
    }
    expect([timeBucket(2 ** 34 - 1), timeBucket(2 ** 34), timeBucket(2 ** 39), timeBucket(2 ** 52)]).toEqual([
      99, 99, 99, 99,
    ]);
  });
});
