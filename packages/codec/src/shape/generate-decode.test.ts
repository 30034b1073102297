import { expect, it } from 'vitest';
import { array, codecOf, f64, msgpack } from '../index.js';

const target = new Uint8Array(10_000);
const numbers = Array.from({ length: 100 }, (_, index) => index + 0.5);
const codec = codecOf(array(f64()));

it('takes many floats at once, and those after an integer of another writer', () => {
  expect(codec.decode(target, 0, codec.encode(numbers, target, 0))).toStrictEqual(numbers);
  const mixed = numbers.with(60, 7);
  expect(codec.decode(target, 0, msgpack().encode(mixed, target, 0))).toStrictEqual(mixed);
});

it('reads no float beyond the end', () => {
  const end = codec.encode(numbers, target, 0);
  expect(() => codec.decode(target, 0, end - 1)).toThrow(expect.objectContaining({ code: 'UNDECODABLE' }));
});
