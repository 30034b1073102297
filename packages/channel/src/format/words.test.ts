import { describe, expect, it, onTestFinished } from 'vitest';
import { isLong, loadGrowing, readLong, storeLong, writeLong } from './words.js';

const numbers = [
  0,
  1,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 32 + 2 ** 31,
  2 ** 52 + 1,
  2 ** 53 - 1,
];

it.each(numbers)('tells %d from all others', (number) => {
  const words = new Int32Array(3);
  writeLong(words, 1, number);
  expect(readLong(words, 1)).toBe(number);
  expect(numbers.filter((other) => isLong(words, 1, other))).toEqual([number]);
});

it('is no number whose words say more than 2^53', () => {
  const words = new Int32Array([5, 0]);
  expect(isLong(words, 0, 5)).toBe(true);
  for (const upper of [1, 2 ** 21, -1, -(2 ** 31)]) {
    words[1] = upper;
    expect(isLong(words, 0, 5)).toBe(false);
  }
});

describe('a number that grows', () => {
  const steps = [0, 32, 2 ** 31, 2 ** 32 - 32, 2 ** 32, 2 ** 32 + 64, 3 * 2 ** 32 + 2 ** 31, 2 ** 53 - 32];

  it.each(steps)('is stored and loaded as %d, whatever it was before', (number) => {
    for (const before of steps) {
      const longs = new BigInt64Array([7n, BigInt(before), 7n]);
      const words = new Int32Array(longs.buffer);
      storeLong(words, longs, 1, number);
      expect([...longs]).toEqual([7n, BigInt(number), 7n]);
      expect(loadGrowing(words, longs, 1, before)).toBe(number);
    }
  });

  it('is not put together from halves of two numbers', () => {
    const [before, after] = [2 ** 32 - 32, 2 ** 32 + 32];
    const longs = new BigInt64Array([BigInt(before)]);
    const words = new Int32Array(longs.buffer);
    const load = Atomics.load;
    onTestFinished(() => {
      Atomics.load = load;
    });
    // Another program stores the next one right after the low word was loaded.
    Atomics.load = ((array: Int32Array, index: number) => {
      const value = load(array, index);
      if (array === words) longs[0] = BigInt(after);
      return value;
    }) as typeof load;
    expect(loadGrowing(words, longs, 0, before)).toBe(after);
  });

  it('is loaded whole where other programs have made it less', () => {
    const longs = new BigInt64Array([-32n]);
    expect(loadGrowing(new Int32Array(longs.buffer), longs, 0, 0)).toBe(-32);
  });
});
