import { describe, expect, test } from 'vitest';
import { Histogram, sparkline } from './histogram.js';

describe('a histogram', () => {
  test('knows its quantiles to a few percent', () => {
    const histogram = new Histogram();
    for (let value = 1; value <= 10_000; value++) histogram.add(value);
    expect(histogram.count).toBe(10_000);
    expect(histogram.largest).toBe(10_000);
    expect(Math.abs(histogram.quantile(0.5) / 5000 - 1)).toBeLessThan(0.03);
    expect(Math.abs(histogram.quantile(0.99) / 9900 - 1)).toBeLessThan(0.03);
    expect(histogram.quantile(1)).toBe(10_000);
  });

  test('takes nothing, and values beyond all steps', () => {
    const histogram = new Histogram();
    expect([histogram.quantile(0.5), histogram.largest, histogram.octaves()]).toEqual([0, 0, []]);
    for (const value of [-5, 0, 0.5, 2 ** 63, Number.MAX_VALUE]) histogram.add(value);
    expect(histogram.count).toBe(5);
    expect(histogram.quantile(0.1)).toBeGreaterThanOrEqual(1);
  });

  test('counts by powers of two', () => {
    const histogram = new Histogram();
    for (const value of [4, 5, 7, 17]) histogram.add(value);
    expect(histogram.octaves()).toEqual([
      { from: 4, count: 3 },
      { from: 8, count: 0 },
      { from: 16, count: 1 },
    ]);
  });
});

test('a sparkline is as high as its largest value', () => {
  expect(sparkline([0, 1, 4, 8])).toBe(' ▂▅█');
  expect(sparkline([])).toBe('');
  expect(sparkline([0, 0])).toBe('  ');
});
