// The table of formats in the specification of msgpack (https://github.com/msgpack/msgpack/blob/master/spec.md), row by row.
import {
  array,
  boolean,
  bytes,
  codecOf,
  f32,
  f64,
  i8,
  i16,
  i32,
  i64,
  map,
  nullable,
  optional,
  type Shape,
  string,
  struct,
  timestamp,
  u8,
  u16,
  u32,
  u64,
  unknown,
} from '@mmfbus/codec';
import { describe, expect, test } from 'vitest';
import { decoded, encoded } from './encoded.js';

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
}

function many(count: number, hex: string): string {
  return hex.repeat(count);
}

/** An unsigned integer below 65,536 in its shortest form. */
function shortest(value: number): string {
  if (value < 0x80) return value.toString(16).padStart(2, '0');
  return value < 0x100 ? `cc${value.toString(16)}` : `cd${value.toString(16).padStart(4, '0')}`;
}

const a = (count: number) => 'a'.repeat(count);

/** The format, its bytes, a value and a shape that it can have. */
const written: readonly [string, string, unknown, Shape][] = [
  ['nil', 'c0', null, nullable(u8())],
  ['false', 'c2', false, boolean()],
  ['true', 'c3', true, boolean()],
  ['positive fixint', '00', 0, u8()],
  ['positive fixint', '7f', 127, i64({ as: 'number' })],
  ['negative fixint', 'ff', -1, i8()],
  ['negative fixint', 'e0', -32, i32()],
  ['uint 8', 'cc 80', 128, u8()],
  ['uint 8', 'cc ff', 255, i16()],
  ['uint 16', 'cd 0100', 256, u16()],
  ['uint 16', 'cd ffff', 65_535, i32()],
  ['uint 32', 'ce 00010000', 65_536, u32()],
  ['uint 32', 'ce ffffffff', 4_294_967_295, u32()],
  ['uint 64', 'cf 0000000100000000', 4_294_967_296, u64({ as: 'number' })],
  ['uint 64', 'cf ffffffffffffffff', 2n ** 64n - 1n, u64()],
  ['int 8', 'd0 df', -33, i8()],
  ['int 8', 'd0 80', -128, i64({ as: 'number' })],
  ['int 16', 'd1 ff7f', -129, i16()],
  ['int 16', 'd1 8000', -32_768, i16()],
  ['int 32', 'd2 ffff7fff', -32_769, i32()],
  ['int 32', 'd2 80000000', -2_147_483_648, i32()],
  ['int 64', 'd3 ffffffff7fffffff', -2_147_483_649, i64({ as: 'number' })],
  ['int 64', 'd3 8000000000000000', -(2n ** 63n), i64()],
  ['float 32', 'ca 3fc00000', 1.5, f32()],
  ['float 64', 'cb 3ff8000000000000', 1.5, f64()],
  ['float 64', 'cb 8000000000000000', -0, f64()],
  ['float 64', 'cb fff0000000000000', -Infinity, f64()],
  ['fixstr', 'a0', '', string()],
  ['fixstr', `bf ${many(31, '61')}`, a(31), string()],
  ['str 8', `d9 20 ${many(32, '61')}`, a(32), string()],
  ['str 8', `d9 ff ${many(255, '61')}`, a(255), string()],
  ['str 16', `da 0100 ${many(256, '61')}`, a(256), string()],
  ['str 16', `da ffff ${many(65_535, '61')}`, a(65_535), string()],
  ['str 32', `db 00010000 ${many(65_536, '61')}`, a(65_536), string()],
  ['bin 8', 'c4 02 00ff', Uint8Array.of(0, 255), bytes()],
  ['bin 16', `c5 0100 ${many(256, '07')}`, new Uint8Array(256).fill(7), bytes()],
  ['bin 32', `c6 00010000 ${many(65_536, '07')}`, new Uint8Array(65_536).fill(7), bytes()],
  ['fixarray', '90', [], array(u8())],
  ['fixarray', `9f ${many(15, '05')}`, new Array(15).fill(5), array(u8())],
  ['array 16', `dc 0010 ${many(16, '05')}`, new Array(16).fill(5), array(u8())],
  ['array 32', `dd 00010000 ${many(65_536, '05')}`, new Array(65_536).fill(5), array(u8())],
  ['fixmap', '80', new Map(), map(u8(), u8())],
  ['fixmap', '81 05 06', new Map([[5, 6]]), map(u8(), u8())],
  [
    'map 16',
    `de 0010 ${Array.from({ length: 16 }, (_, key) => `${key.toString(16).padStart(2, '0')} 00`).join('')}`,
    new Map(Array.from({ length: 16 }, (_, key) => [key, 0])),
    map(u8(), u8()),
  ],
  [
    'map 32',
    `df 00010000 ${Array.from({ length: 65_536 }, (_, key) => `${shortest(key)}00`).join('')}`,
    new Map(Array.from({ length: 65_536 }, (_, key) => [key, 0])),
    map(u16(), u8()),
  ],
  ['timestamp 32', 'd6 ff 00000000', new Date(0), timestamp()],
  ['timestamp 32', 'd6 ff ffffffff', new Date((2 ** 32 - 1) * 1000), timestamp()],
  ['timestamp 64', 'd7 ff 0000000100000000', new Date(2 ** 32 * 1000), timestamp()],
  ['timestamp 64', 'd7 ff ee2e1f03ffffffff', new Date((2 ** 34 - 1) * 1000 + 999), timestamp()],
  ['timestamp 96', 'c7 0c ff 00000000 0000000400000000', new Date(2 ** 34 * 1000), timestamp()],
  ['timestamp 96', 'c7 0c ff 3b8b87c0 ffffffffffffffff', new Date(-1), timestamp()],
  ['timestamp 96', 'c7 0c ff 00000000 ffffffffffffffff', new Date(-1000), timestamp()],
];

describe('what the specification defines', () => {
  test.each(
    written.map(([format, hex, value, shape]) => ({ format, start: hex.slice(0, 30), hex, value, shape })),
  )('$format $start is written and read', ({ hex, value, shape }) => {
    expect(encoded(codecOf(shape), value)).toStrictEqual(fromHex(hex));
    expect(decoded(codecOf(shape), fromHex(hex))).toStrictEqual(value);
  });

  /** Every way in which the specification lets others write the number 5. */
  const fives = [
    '05',
    'cc 05',
    'cd 0005',
    'ce 00000005',
    'cf 0000000000000005',
    'd0 05',
    'd1 0005',
    'd2 00000005',
    'd3 0000000000000005',
    'ca 40a00000',
    'cb 4014000000000000',
  ];
  test.each(fives)('%s is the number 5 for every shape of a number', (hex) => {
    for (const shape of [u8(), u16(), u32(), i8(), i16(), i32(), f32(), f64()]) {
      expect(decoded(codecOf(shape), fromHex(hex))).toBe(5);
      expect(decoded(codecOf(struct({ number: shape })), fromHex(`81 a6 6e756d626572 ${hex}`))).toStrictEqual(
        { number: 5 },
      );
    }
    expect(decoded(codecOf(u64()), fromHex(hex))).toBe(5n);
    expect(decoded(codecOf(i64()), fromHex(hex))).toBe(5n);
  });

  test.each(['a1 61', 'd9 01 61', 'da 0001 61', 'db 00000001 61'])('%s is the string "a"', (hex) => {
    expect(decoded(codecOf(string()), fromHex(hex))).toBe('a');
    expect(decoded(codecOf(struct({ a: string() })), fromHex(`81 ${hex} ${hex}`))).toStrictEqual({ a: 'a' });
  });

  test.each(['91 05', 'dc 0001 05', 'dd 00000001 05'])('%s is an array of one', (hex) => {
    expect(decoded(codecOf(array(u8())), fromHex(hex))).toStrictEqual([5]);
  });

  test.each(['81 a1 61 05', 'de 0001 a1 61 05', 'df 00000001 a1 61 05'])('%s is a struct of one', (hex) => {
    expect(decoded(codecOf(struct({ a: u8() })), fromHex(hex))).toStrictEqual({ a: 5 });
  });

  test.each(['c4 01 07', 'c5 0001 07', 'c6 00000001 07'])('%s is one byte', (hex) => {
    expect(decoded(codecOf(bytes()), fromHex(hex))).toStrictEqual(Uint8Array.of(7));
  });

  /** Extensions of other types mean nothing to us; where no field takes them they are passed over. */
  const extensions = [
    'd4 05 00',
    'd5 05 0000',
    'd6 05 00000000',
    'd7 05 0000000000000000',
    `d8 05 ${many(16, '00')}`,
    'c7 00 05',
    'c8 0001 05 00',
    'c9 00000001 05 00',
  ];
  test.each(extensions)('%s is passed over under an unknown key, and refused elsewhere', (hex) => {
    expect(decoded(codecOf(struct({ a: u8() })), fromHex(`82 a1 78 ${hex} a1 61 05`))).toStrictEqual({
      a: 5,
    });
    for (const shape of [timestamp(), unknown(), bytes(), string()]) {
      expect(() => decoded(codecOf(shape), fromHex(hex))).toThrow(
        expect.objectContaining({ code: 'UNDECODABLE' }),
      );
    }
  });

  test('c1 is no value', () => {
    for (const shape of [u8(), unknown(), nullable(string()), struct({ a: optional(u8()) })]) {
      expect(() => decoded(codecOf(shape), fromHex('c1'))).toThrow(
        expect.objectContaining({ code: 'UNDECODABLE' }),
      );
    }
  });

  test('nanoseconds beyond a second are no timestamp', () => {
    for (const hex of ['d7 ff ee6b280000000000', 'c7 0c ff 3b9aca00 0000000000000000', 'd5 ff 0000']) {
      expect(() => decoded(codecOf(timestamp()), fromHex(hex))).toThrow(
        expect.objectContaining({ code: 'UNDECODABLE' }),
      );
    }
    expect(decoded(codecOf(timestamp()), fromHex('d7 ff ee6b27fc00000000'))).toStrictEqual(new Date(999));
  });
});
