import { expect, test } from 'vitest';
import { LatencyHistogram } from './latency.js';

test('percentiles are within 1.1 % of the exact ones', () => {
  const histogram = new LatencyHistogram();
  const latencies = Array.from({ length: 10_000 }, (_, i) => Math.round(1.0015 ** i) + 100);
  for (const latency of latencies) histogram.add(latency);
  for (const part of [0.01, 0.5, 0.9, 0.99, 1]) {
    const exact = latencies[Math.ceil(part * latencies.length) - 1] ?? 0;
    expect(Math.abs((histogram.percentile(part) ?? 0) / exact - 1)).toBeLessThan(0.011);
  }
});

test('there is no percentile of nothing', () => {
  expect(new LatencyHistogram().percentile(0.5)).toBeUndefined();
});

test('no latency is too small or too large to count', () => {
  const histogram = new LatencyHistogram();
  for (const latency of [-5, 0, Number.MAX_SAFE_INTEGER]) histogram.add(latency);
  expect(histogram.percentile(0.5)).toBeLessThan(2);
  expect(histogram.percentile(1)).toBeGreaterThan(2 ** 47);
});
