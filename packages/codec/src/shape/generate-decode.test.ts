import { expect, it } from 'vitest';
import { array, codecOf, f64, i64, msgpack, struct, u64 } from '../index.js';

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

const uppers = [0, 1, 0x1f_ffff, 0x20_0000, 0x7fff_ffff, 0x8000_0000, 0xffdf_ffff, 0xffe0_0000, 0xffff_ffff];
const lowers = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
const halves = uppers.flatMap((upper) => lowers.map((lower) => [upper, lower] as const));

it.each([
  { token: 0xcf, type: 'u64', shape: u64({ as: 'number' }), least: 0n },
  { token: 0xcf, type: 'i64', shape: i64({ as: 'number' }), least: 0n },
  { token: 0xd3, type: 'u64', shape: u64({ as: 'number' }), least: 0n },
  { token: 0xd3, type: 'i64', shape: i64({ as: 'number' }), least: -(2n ** 53n - 1n) },
])('reads 64 bits behind the token $token exactly as $type, or refuses them', ({ token, shape, least }) => {
  const long = codecOf(struct({ a: shape }));
  for (const [upper, lower] of halves) {
    const bytes = Buffer.from([0x81, 0xa1, 0x61, token, 0, 0, 0, 0, 0, 0, 0, 0]);
    bytes.writeUInt32BE(upper, 4);
    bytes.writeUInt32BE(lower, 8);
    const value = token === 0xcf ? bytes.readBigUInt64BE(4) : bytes.readBigInt64BE(4);
    const read = () => long.decode(bytes, 0, bytes.length);
    if (value >= least && value < 2n ** 53n) expect(read()).toStrictEqual({ a: Number(value) });
    else expect(read).toThrow(expect.objectContaining({ code: 'UNDECODABLE' }));
  }
});
