import { expect, it } from 'vitest';
import { isLong, readLong, writeLong } from './words.js';

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
