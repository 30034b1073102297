import { expect, it } from 'vitest';
import { array, codecOf, f32, msgpack } from '../index.js';

const target = new Uint8Array(1000);

it('takes the float that is nearest to an integer of 64 bits, which no double holds', () => {
  const [exact, half] = [2n ** 60n, 2n ** 36n];
  const integers = [exact + half + 1n, exact + half, exact + half - 1n, -exact - half - 1n, exact + 1n];
  const end = msgpack().encode(integers, target, 0);
  expect(codecOf(array(f32())).decode(target, 0, end)).toStrictEqual([
    2 ** 60 + 2 ** 37,
    2 ** 60,
    2 ** 60,
    -(2 ** 60) - 2 ** 37,
    2 ** 60,
  ]);
});
