import { describe, expect, it } from 'vitest';
import { CodecError, json } from './index.js';

const codec = json();

function textOf(value: unknown): string {
  const target = Buffer.alloc(1000);
  return target.toString('utf8', 0, codec.encode(value, target, 0));
}

function decode(bytes: Uint8Array | string): unknown {
  const source = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
  return codec.decode(source, 0, source.length);
}

const cycle: Record<string, unknown> = {};
cycle.self = cycle;

describe('json', () => {
  it('writes what JSON.stringify writes', () => {
    for (const value of [
      {
        a: undefined,
        b: [undefined],
        c: -0,
        d: new Date(0),
        e: '\ud800',
        f: Buffer.from('x'),
        g: new URL('http://a/'),
      },
      [Object('s'), Object(1), Object(true)],
      { ['__proto__']: 1 },
      'plain',
      Object.assign(() => 1, { toJSON: () => 'from toJSON' }),
    ]) {
      expect(textOf(value)).toBe(JSON.stringify(value));
    }
  });

  it.each<[string, unknown, RegExp]>([
    ['undefined', undefined, /undefined/],
    ['a function', () => 1, /a function/],
    ['a nested function', { a: [{ run: () => 1 }] }, /a function under the key "run"/],
    ['a symbol', { a: Symbol('s') }, /a symbol under the key "a"/],
    ['a bigint', { a: 1n }, /a bigint under the key "a"/],
    ['a cycle', cycle, /circular/],
    ['NaN', [Number.NaN], /NaN/],
    ['Infinity', [-Infinity], /-Infinity/],
    ['a Map', { m: new Map() }, /the kind Map/],
    ['a Set', new Set(), /the kind Set/],
    ['an error', new Error('x'), /the kind Error/],
    ['bytes', new Uint8Array(1), /the kind Uint8Array/],
    ['a toJSON that returns nothing', { toJSON: () => undefined }, /undefined/],
    [
      'a getter that throws',
      {
        get a() {
          throw new Error('from the getter');
        },
      },
      /from the getter/,
    ],
    [
      'a thrown thing without text',
      {
        get a() {
          throw Object.create(null);
        },
      },
      /no text/,
    ],
  ])('refuses %s', (_name, value, message) => {
    const encode = () => codec.encode(value, new Uint8Array(1000), 0);
    expect(encode).toThrow(CodecError);
    expect(encode).toThrow(expect.objectContaining({ code: 'UNENCODABLE' }));
    expect(encode).toThrow(message);
  });

  it.each<[string, Uint8Array | string]>([
    ['nothing', ''],
    ['invalid UTF-8', Uint8Array.of(0x22, 0xc3, 0x28, 0x22)],
    ['an encoded surrogate', Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22)],
    ['a cut character', Uint8Array.of(0x22, 0xe2, 0x82)],
    ['a byte order mark', '\ufeff1'],
    ['two values', '1 2'],
    ['a cut value', '{"a":'],
    ['NaN', 'NaN'],
    ['a number too large', '[1e309]'],
    ['a negative number too large', '{"a":-1E+0400}'],
    ['a number with too many digits', '9'.repeat(400)],
    ['a number too large in both', `${'9'.repeat(250)}e99`],
  ])('refuses to decode %s', (_name, bytes) => {
    expect(() => decode(bytes)).toThrow(CodecError);
    expect(() => decode(bytes)).toThrow(expect.objectContaining({ code: 'UNDECODABLE' }));
    expect(decode('[1]')).toStrictEqual([1]);
  });

  it('reads large and small numbers', () => {
    expect(decode('[1e308, 1e-400, -1.5E+300, "1e999"]')).toStrictEqual([1e308, 0, -1.5e300, '1e999']);
    expect(decode(`${'9'.repeat(190)}e99`)).toBe(1e289);
  });

  it('does not let "__proto__" reach a prototype', () => {
    const value = decode('{"__proto__":{"polluted":1}}') as object;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

describe('the limit of json', () => {
  const few = json({ maxItems: 4 });
  const target = new Uint8Array(1000);

  it.each([
    ['[1,2,3,4]', '[1,2,3,4,5]'],
    ['{ "a": [ ], "b": { }, "c": [ "]],,\\",[[" ] }', '{"a":[[]],"b":{},"c":{"d":1}}'],
    ['[[[[[]]]]]', '[[[[[[]]]]]]'],
  ])('counts members and items: %s, and not %s', (fits, larger) => {
    const bytes = Buffer.from(fits);
    const value: unknown = few.decode(bytes, 0, bytes.length);
    expect(value).toStrictEqual(JSON.parse(fits));
    expect(few.encode(value, target, 0)).toBeGreaterThan(4);
    const more = Buffer.from(larger);
    expect(() => few.decode(more, 0, more.length)).toThrow(
      'json: 5 items and members, where maxItems allows 4',
    );
    expect(() => few.encode(JSON.parse(larger), target, 0)).toThrow(
      expect.objectContaining({
        code: 'UNENCODABLE',
        message: 'json: 5 items and members, where maxItems allows 4',
      }),
    );
  });

  it('refuses 22 million empty arrays before they become anything', () => {
    const source = Buffer.from(`[${'[],'.repeat(22_000_000)}[]]`);
    expect(() => json().decode(source, 0, source.length)).toThrow(
      'json: 22000001 items and members, where maxItems allows 1048576',
    );
  });
});
