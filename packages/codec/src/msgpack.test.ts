import { createContext, runInContext } from 'node:vm';
import { Unpackr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { CodecError, msgpack } from './index.js';

const codec = msgpack();
const target = new Uint8Array(1 << 20);

function encode(value: unknown): Uint8Array {
  return target.slice(0, codec.encode(value, target, 0));
}

function hexOf(value: unknown): string {
  return Buffer.from(encode(value)).toString('hex');
}

function roundTrip(value: unknown, using = codec): unknown {
  const bytes = encode(value);
  return using.decode(bytes, 0, bytes.length);
}

function expectStillSound(): void {
  const value = {
    id: 1,
    big: 2n ** 63n,
    px: 1.25,
    at: new Date(1_700_000_000_123),
    list: ['x'.repeat(300), 70_000],
  };
  expect(roundTrip(value)).toStrictEqual(value);
}

const foreign = runInContext(
  '({ date: new Date(5), map: new Map([["a", 1]]), bytes: Uint8Array.of(1), list: [1, [2]], object: { a: 1 } })',
  createContext(),
) as unknown;

class Point {
  readonly x = 1;
  readonly #secret = 2;
  get sum(): number {
    return this.x + this.#secret;
  }
}

class Money {
  toJSON(): unknown {
    return { cents: 5, since: new Date(0) };
  }
}

class Itself {
  readonly a = 1;
  toJSON(): unknown {
    return this;
  }
}

function nest(levels: number, wrap: (inner: unknown) => unknown): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = wrap(value);
  return value;
}

describe('msgpack writes standard msgpack', () => {
  it.each<[string, unknown, string]>([
    ['nil', null, 'c0'],
    ['undefined', undefined, 'c0'],
    ['nested undefined', { a: undefined, b: [undefined] }, 'de0002a161c0a16291c0'],
    ['holes', new Array(2), '92c0c0'],
    ['booleans', [true, false], '92c3c2'],
    ['small integers', [0, 127, -1, -32], '94007fffe0'],
    ['integers', [128, 65_535, 65_536, -33, -129, -32_769], '96cc80cdffffce00010000d0dfd1ff7fd2ffff7fff'],
    ['a larger integer', 2 ** 32, 'cb41f0000000000000'],
    ['-0 as 0', -0, '00'],
    ['NaN and Infinity', [Number.NaN, Infinity], '92cb7ff8000000000000cb7ff0000000000000'],
    ['bigints', [1n, -1n, 2n ** 64n - 1n], '93d30000000000000001d3ffffffffffffffffcfffffffffffffffff'],
    ['strings', ['', 'é😀'], '92a0a6c3a9f09f9880'],
    ['bytes', [Uint8Array.of(1), Buffer.of(2), Uint8Array.of(3).buffer], '93c40101c40102c40103'],
    ['a subclass of Uint8Array', new (class extends Uint8Array {})(1), 'c40100'],
    ['a plain object', { a: 1 }, 'de0001a16101'],
    [
      'a Map',
      new Map<unknown, unknown>([
        [1, 2],
        ['a', 3],
        [5n, 4],
      ]),
      '830102a16103d3000000000000000504',
    ],
    ['a subclass of Map', new (class extends Map<string, number> {})([['a', 1]]), '81a16101'],
    ['a subclass of Array', class extends Array {}.of(1, 2), '920102'],
    ['an object without prototype', Object.assign(Object.create(null), { a: 1 }), 'de0001a16101'],
    ['a key "constructor"', { constructor: 'F1' }, 'de0001ab636f6e7374727563746f72a24631'],
    ['a key "hasOwnProperty"', { hasOwnProperty: 1 }, 'de0001ae6861734f776e50726f706572747901'],
    ['a class instance', new Point(), 'de0001a17801'],
    ['toJSON', [1, new Money()], '9201de0002a563656e747305a573696e6365d6ff00000000'],
    ['toJSON in a plain object', { a: 1, b: { toJSON: () => 2 } }, 'de0002a16101a16202'],
    ['toJSON that returns itself', new Itself(), 'de0001a16101'],
    ['toJSON of a built-in', new URL('http://a/'), 'a9687474703a2f2f612f'],
    ['a timestamp of 32 bits', new Date(1_000), 'd6ff00000001'],
    ['a timestamp of 64 bits', new Date(1_001), 'd7ff003d090000000001'],
    ['a timestamp of 96 bits', new Date(-1), 'c70cff3b8b87c0ffffffffffffffff'],
    ['a subclass of Date', new (class extends Date {})(1_000), 'd6ff00000001'],
    [
      'objects of another realm',
      foreign,
      'de0005a464617465d7ff01312d0000000000a36d617081a16101a56279746573c40101a46c69737492019102a66f626a656374de0001a16101',
    ],
  ])('%s', (_name, value, hex) => {
    expect(hexOf(value)).toBe(hex);
  });

  it('of objects with more fields than 16 bits count', () => {
    const value = Object.fromEntries(Array.from({ length: 65_536 }, (_, field) => [`f${field}`, field]));
    const bytes = encode(value);
    expect(Buffer.from(bytes.subarray(0, 8)).toString('hex')).toBe('df00010000a26630');
    expect(new Unpackr({ useRecords: false }).unpack(bytes)).toStrictEqual(value);
  });

  it('that a plain msgpackr reads', () => {
    const value = { id: 1, sym: 'AAPL', px: 187.25, qty: 100, ts: 1_700_000_000_000, side: 'buy' };
    expect(encode(value).length).toBe(54);
    expect(new Unpackr({ useRecords: false }).unpack(encode(value))).toStrictEqual(value);
  });

  it('and leaves the value as it was when it has to replace a part', () => {
    const money = new Money();
    const value = { before: Number.NaN, list: [1, money, 2], after: new Map([['k', [money]]]) };
    const snapshot = structuredClone({ ...value, list: [1, 2], after: 0 });
    const replaced = { cents: 5, since: new Date(0) };
    const expected = { before: Number.NaN, list: [1, replaced, 2], after: { k: [replaced] } };
    expect(roundTrip(value)).toStrictEqual(expected);
    expect(value.list[1]).toBe(money);
    expect({ ...value, list: [1, 2], after: 0 }).toStrictEqual(snapshot);
  });

  it('calls toJSON once', () => {
    let calls = 0;
    encode({ a: { toJSON: () => ++calls } });
    expect(calls).toBe(1);
  });

  it.each([
    -8.64e15,
    -62_135_596_800_001,
    -1_500,
    -1,
    0,
    1,
    999,
    2 ** 32 * 1000 - 1,
    2 ** 32 * 1000,
    8.64e15,
  ])('the date %d ms', (time) => {
    expect(roundTrip(new Date(time))).toStrictEqual(new Date(time));
  });
});

const cycle: { list: unknown[] } = { list: [1] };
cycle.list.push({ back: cycle });
const mapCycle = new Map<string, unknown>();
mapCycle.set('m', [mapCycle]);

describe('msgpack refuses', () => {
  it.each<[string, unknown, RegExp]>([
    ['a function', () => 1, /cannot encode a function$/],
    [
      'a nested function',
      { orders: [{ 'on fill': () => 1 }] },
      /a function at value\.orders\[0\]\["on fill"\]$/,
    ],
    ['a class', { a: Point }, /a function at value\.a$/],
    ['a symbol', [Symbol('s')], /a symbol at value\[0\]$/],
    ['a cycle', cycle, /an object that contains itself/],
    ['a cycle further down', { a: [cycle] }, /contains itself at value\.a\[0\](\.list(\[1\])?)?$/],
    ['a cycle through a Map', [mapCycle], /contains itself at value\[0\](\.m)?$/],
    ['endless toJSON', { toJSON: () => ({ toJSON: () => cycle }) }, /contains itself/],
    ['deep arrays', nest(257, (inner) => [inner]), /deeper than 256 levels at value(\[0\]){8}…$/],
    ['deep objects', nest(100_000, (inner) => ({ inner })), /deeper than 256 levels/],
    ['deep maps', nest(257, (inner) => new Map([['k', inner]])), /deeper than 256 levels/],
    ['a bigint too large', { n: 2n ** 64n }, /a bigint beyond 64 bits at value\.n/],
    ['a bigint too small', -(2n ** 63n) - 1n, /a bigint beyond 64 bits/],
    ['a large bigint as a key', new Map([[2n ** 64n, 1]]), /a bigint beyond 64 bits/],
    ['an invalid date', [new Date(Number.NaN)], /an invalid Date/],
    ['a lone surrogate', ['a\ud800'], /lone surrogate/],
    ['a lone surrogate in a long string', `${'a'.repeat(100)}\udc00`, /lone surrogate/],
    ['a lone surrogate in a key', { '\ud800': 1 }, /a key with a lone surrogate/],
    ['a lone surrogate in a key of a Map', new Map([['\ud800', 1]]), /a key with a lone surrogate/],
    ['"__proto__"', { a: JSON.parse('{"__proto__":1}') }, /the key "__proto__" at value\.a\.__proto__/],
    ['"__proto__" in a Map', new Map([['__proto__', 1]]), /the key "__proto__"/],
    ['a Map with other keys', new Map([[null, 1]]), /a map key that is neither/],
    ['a Set', { s: new Set([1]) }, /the kind Set at value\.s/],
    ['a RegExp', /x/, /the kind RegExp/],
    ['an error', { e: new TypeError('x') }, /the kind Error at value\.e/],
    ['a Float64Array', new Float64Array(1), /the kind Float64Array/],
    ['a Uint8ClampedArray', new Uint8ClampedArray(1), /the kind Uint8ClampedArray/],
    ['a DataView', new DataView(new ArrayBuffer(1)), /the kind DataView/],
    ['a SharedArrayBuffer', new SharedArrayBuffer(1), /the kind SharedArrayBuffer/],
    ['a promise', Promise.resolve(), /the kind Promise/],
    ['a WeakMap', new WeakMap(), /the kind WeakMap/],
    ['a wrapper', Object('text'), /the kind String/],
    [
      'a getter that throws',
      {
        get a() {
          throw new Error('from the getter');
        },
      },
      /encoding failed: from the getter/,
    ],
    [
      'a getter that throws no error',
      {
        get a() {
          throw Object.create(null);
        },
      },
      /no text/,
    ],
    [
      'a toJSON that throws',
      [
        {
          toJSON() {
            throw new RangeError('from toJSON');
          },
        },
      ],
      /from toJSON/,
    ],
    ['a revoked proxy', revoked(), /encoding failed/],
  ])('%s', (_name, value, message) => {
    const action = () => codec.encode(value, target, 0);
    expect(action).toThrow(message);
    expectStillSound();
    try {
      action();
    } catch (error) {
      expect(error).toBeInstanceOf(CodecError);
      expect((error as CodecError).code).toBe('UNENCODABLE');
    }
    expectStillSound();
  });

  it('with the cause', () => {
    const cause = new Error('from the getter');
    const value = {
      get a() {
        throw cause;
      },
    };
    expect(() => encode(value)).toThrow(expect.objectContaining({ cause }));
  });

  it('but not what is shared, nor what is just deep enough', () => {
    const shared = { a: 1 };
    expect(roundTrip([shared, shared])).toStrictEqual([shared, shared]);
    const deep = nest(256, (inner) => [inner]);
    expect(roundTrip(deep)).toStrictEqual(deep);
  });
});

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

describe('msgpack decodes', () => {
  it('byte strings to plain arrays of their own', () => {
    const source = encode({ bytes: Uint8Array.of(1, 2, 3) });
    const { bytes } = codec.decode(source, 0, source.length) as { bytes: Uint8Array };
    expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype);
    expect(bytes.buffer).not.toBe(source.buffer);
    encode({ bytes: Uint8Array.of(4, 5, 6) });
    expect(roundTrip({ bytes: Uint8Array.of(7, 8, 9) })).toStrictEqual({ bytes: Uint8Array.of(7, 8, 9) });
    expect(bytes).toStrictEqual(Uint8Array.of(1, 2, 3));
  });

  it('maps to plain objects, numeric keys to strings, the last of equal keys winning', () => {
    expect(
      roundTrip(
        new Map<unknown, unknown>([
          [1, 'a'],
          [1.5, 'b'],
          ['1', 'c'],
          [7n, 'd'],
        ]),
      ),
    ).toStrictEqual({
      1: 'c',
      1.5: 'b',
      7: 'd',
    });
  });

  it.each([
    ['c70cff3b9ac9ff000000007fffffff', 2_147_483_647_999],
    ['d7ffee6b27fc7fffffff', 2_147_483_647_999],
    ['d7ffee6b27ffffffffff', 17_179_869_183_999],
    ['c70cff3b9ac9ffffffffffffffffff', -1],
    ['c70cff00000001ffffffffffffffff', -1000],
    ['c70cff000f423fffffffffffffffff', -1000],
    ['c70cff000f4240ffffffffffffffff', -999],
  ])('the timestamp %s cut to whole milliseconds', (hex, time) => {
    const source = Buffer.from(hex, 'hex');
    const before = source.toString('hex');
    expect(codec.decode(source, 0, source.length)).toStrictEqual(new Date(time));
    expect(source.toString('hex')).toBe(before);
  });

  it('64-bit integers as the option says', () => {
    const exact = msgpack({ int64: 'number-if-exact' });
    const value = [5n, -5n, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 63n), 2n ** 64n - 1n];
    expect(roundTrip(value)).toStrictEqual(value);
    expect(roundTrip(value, msgpack({ int64: 'bigint' }))).toStrictEqual(value);
    expect(roundTrip(value, exact)).toStrictEqual([5, -5, 2 ** 53, ...value.slice(3)]);
  });

  it.each([3, 20, 60, 100, 300])('invalid UTF-8 to U+FFFD, in a string of %d bytes', (length) => {
    const source = new Uint8Array(length + 3).fill(0x61);
    source.set([0xda, length >> 8, length & 0xff, 0xed, 0xa0, 0x80]);
    expect(codec.decode(source, 0, source.length)).toBe(`\ufffd\ufffd\ufffd${'a'.repeat(length - 3)}`);
  });

  it('no "__proto__" into a prototype', () => {
    const source = Buffer.concat([
      Buffer.from([0x81, 0xa9]),
      Buffer.from('__proto__'),
      encode({ polluted: 1 }),
    ]);
    expect(() => codec.decode(source, 0, source.length)).toThrow(
      expect.objectContaining({ code: 'UNDECODABLE' }),
    );
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});
