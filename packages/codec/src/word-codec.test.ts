import { describe, expect, it } from 'vitest';
import {
  bytes,
  type Codec,
  codecOf,
  f64,
  msgpack,
  nullable,
  oneOf,
  optional,
  raw,
  string,
  struct,
  u32,
} from './index.js';
import { withWords } from './word-bytes.js';
import { wordFunctionsOf } from './word-codec.js';

const order = struct({
  id: u32(),
  symbol: string(),
  price: nullable(f64()),
  side: oneOf('buy', 'sell'),
  note: optional(string({ maxLength: 40 })),
  data: bytes(),
});
const value = {
  id: 70_000,
  symbol: 'AAPL',
  price: 187.25,
  side: 'buy',
  data: Uint8Array.of(1, 2, 3),
} as const;

/** What comes of decoding: the value, or what is thrown. */
function outcomeOf(decode: () => unknown): unknown {
  try {
    return { value: decode() };
  } catch (error) {
    const { name, code, message } = error as { name: string; code: string; message: string };
    return { name, code, message };
  }
}

describe('bytes that carry their words', () => {
  it.each<[string, unknown]>([
    ['a shape', codecOf(order)],
    ['a shape as arrays', codecOf(order, { layout: 'array' })],
    ['a shape with a limit', codecOf(order, { maxSize: 40 })],
    ['no shape', msgpack()],
    ['raw bytes', raw()],
  ])('are decoded as others are, and refused as others are: %s', (name, given) => {
    const codec = given as Codec<unknown>;
    const source = withWords(new Uint8Array(256));
    const content = name === 'raw bytes' ? value.data : value;
    const writer = name === 'a shape with a limit' ? (codecOf(order) as unknown as Codec<unknown>) : codec;
    const end = writer.encode(content, source, 8);
    const { decode } = wordFunctionsOf(codec);
    const compare = () => {
      const expected = outcomeOf(() => codec.decode(source.slice(), 8, end));
      expect(outcomeOf(() => decode(source, 8, end))).toEqual(expected);
      return expected;
    };
    expect(Object.keys(compare() as object)).toEqual(
      name.endsWith('limit') ? ['name', 'code', 'message'] : ['value'],
    );
    for (let at = 8; at < end; at++) {
      const before = source[at] as number;
      for (const byte of [0, 0x7f, 0xc0, 0xc1, 0xcb, 0xcf, 0xd9, 0xdf, 0xff, before ^ 1]) {
        source[at] = byte;
        compare();
      }
      source[at] = before;
    }
    for (let length = 0; length < end - 8; length++) {
      const expected = outcomeOf(() => codec.decode(source.slice(), 8, 8 + length));
      expect(outcomeOf(() => decode(source, 8, 8 + length))).toEqual(expected);
    }
  });

  it.each<[string, unknown]>([
    ['a shape', codecOf(order)],
    ['a shape as arrays', codecOf(order, { layout: 'array' })],
    ['a shape with a limit', codecOf(order, { maxSize: 40 })],
    ['no shape', msgpack()],
    ['raw bytes', raw()],
  ])('are encoded to as others are, or refused: %s', (_, given) => {
    const codec = given as Codec<unknown>;
    const { encode } = wordFunctionsOf(codec);
    const values: readonly unknown[] = [
      value,
      value.data,
      { ...value, symbol: 'another symbol, which is longer than the one before' },
      { ...value, price: null, note: 'a note' },
      { ...value, price: 'none' },
      { ...value, id: -1 },
      { ...value, symbol: undefined },
      Object.create(value),
      new Proxy(value, {}),
      {
        ...value,
        get price() {
          throw new Error('no price today');
        },
      },
      null,
      7,
    ];
    for (const content of values) {
      for (const length of [8, 20, 60, 72, 76, 200]) {
        const target = withWords(new Uint8Array(length).fill(9));
        const expected = new Uint8Array(target);
        expect(outcomeOf(() => encode(content, target, 8))).toEqual(
          outcomeOf(() => codec.encode(content, expected, 8)),
        );
        expect(target.subarray(0, 8)).toEqual(expected.subarray(0, 8));
      }
      const target = withWords(new Uint8Array(200));
      const expected = new Uint8Array(200);
      const end = outcomeOf(() => encode(content, target, 8)) as { value?: number };
      if (end.value === undefined) continue;
      codec.encode(content, expected, 8);
      expect(target.subarray(8, end.value)).toEqual(expected.subarray(8, end.value));
    }
  });

  it('are encoded to with one reading of a simple value, and two of any other', () => {
    const target = withWords(new Uint8Array(200));
    const { encode } = wordFunctionsOf(codecOf(struct({ a: u32(), b: f64() })) as unknown as Codec<unknown>);
    let readings = 0;
    const counted = (b: unknown) => ({
      get a() {
        readings += 1;
        return 1;
      },
      b,
    });
    encode(counted(2), target, 0);
    expect(readings).toBe(1);
    expect(() => encode(counted('two'), target, 0)).toThrow(/b: expected/);
    expect(readings).toBe(3);
  });

  it('are decoded by the codec that was given, also where it was made of one of ours', () => {
    const source = withWords(new Uint8Array(256));
    const codec = codecOf(order);
    const end = codec.encode(value, source, 0);
    const made: Codec<unknown> = { ...codec, encode: codec.encode as never, decode: () => 'another' };
    expect(wordFunctionsOf(made).decode(source, 0, end)).toBe('another');
    expect(wordFunctionsOf({ ...made, encode: () => 3 }).encode(value, source, 0)).toBe(3);
  });

  it('are refused outside their range, whatever that is', () => {
    const source = withWords(new Uint8Array(64));
    const codec = codecOf(order);
    const end = codec.encode(value, source, 0);
    const { decode } = wordFunctionsOf(codec);
    for (const [start, stop] of [
      [0, 65],
      [-1, end],
      [end, 0],
      [0.5, end],
      [Number.NaN, end],
    ] as const) {
      const expected = outcomeOf(() => codec.decode(source, start, stop));
      expect(expected).toHaveProperty('code', 'UNDECODABLE');
      expect(outcomeOf(() => decode(source, start, stop))).toEqual(expected);
    }
  });
});
