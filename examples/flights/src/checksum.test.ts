import { expect, test } from 'vitest';
import { Checksum } from './checksum.js';

const a = { delay: 5, distance: 1452, time: 13.25 };
const b = { delay: -5, distance: 1452, time: 13.25 };

function checksumOf(...flights: readonly (typeof a)[]): string {
  const checksum = new Checksum();
  for (const flight of flights) checksum.add(flight);
  return checksum.value;
}

/** FNV-1a as its authors define it, with exact integers. */
function fnv1a(bytes: Uint8Array): string {
  const hash = bytes.reduce((sum, byte) => ((sum ^ BigInt(byte)) * 16777619n) % 2n ** 32n, 2166136261n);
  return hash.toString(16).padStart(8, '0');
}

test('a checksum is FNV-1a over the float64 of each number', () => {
  const numbers = Float64Array.of(a.delay, a.distance, a.time, b.delay, b.distance, b.time);
  expect(checksumOf()).toBe('811c9dc5');
  expect(checksumOf(a, b)).toBe(fnv1a(new Uint8Array(numbers.buffer)));
});

test('a checksum depends on every flight and on their order', () => {
  const all = [checksumOf(a, b), checksumOf(b, a), checksumOf(a), checksumOf(b), checksumOf(a, a, b)];
  expect(new Set(all).size).toBe(all.length);
});
