import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Codec, msgpack } from './index.js';
import { Learned, type Made, type Site } from './learned.js';

/** More than it takes for a codec to learn what it sees, several levels deep. */
const OFTEN = 200;
const target = new Uint8Array(1 << 20);

function encode(value: unknown, codec: Codec<unknown> = msgpack()): Uint8Array {
  return target.slice(0, codec.encode(value, target, 0));
}

function bytesOf(...parts: (number | string)[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => (typeof part === 'string' ? [...Buffer.from(part)] : part)));
}

/** A codec that has seen these values often. */
function taught(values: readonly unknown[], options: Parameters<typeof msgpack>[0] = {}): Codec<unknown> {
  const codec = msgpack(options);
  for (let count = 0; count < OFTEN; count += 1) {
    for (const value of values) {
      const bytes = encode(value, codec);
      expect(codec.decode(bytes, 0, bytes.length)).toStrictEqual(value);
    }
  }
  return codec;
}

/** What comes of it: the value with its keys in order, or the message of the error. */
function outcome(work: () => unknown): string {
  try {
    return JSON.stringify(work());
  } catch (error) {
    return String(error);
  }
}

afterEach(() => vi.restoreAllMocks());

describe('a codec that has learned', () => {
  const level = { px: 1.5, qty: 7 };
  const book = { id: 1, sides: [{ levels: [level, level] }, { levels: [level] }] };

  it('has generated code for the values, once for each sequence of keys and each way', () => {
    const generated = vi.spyOn(globalThis, 'Function');
    const codec = taught([book, { id: 2, sides: [] }]);
    expect(generated).toHaveBeenCalledTimes(6);
    taught([book]);
    for (let count = 0; count < OFTEN; count += 1) encode(book, codec);
    expect(generated).toHaveBeenCalledTimes(12);
  });

  it.each([1, 2, 3, 4, 5])('refuses what is deeper than maxDepth: %d', (maxDepth) => {
    const [codec, fresh] = [
      taught(maxDepth === 1 ? [{ id: 1 }] : [{ id: 1, sides: [] }], { maxDepth }),
      msgpack({ maxDepth }),
    ];
    const write = (using: Codec<unknown>) => outcome(() => encode(book, using).join());
    const bytes = encode(book);
    const read = (using: Codec<unknown>) => outcome(() => using.decode(bytes, 0, bytes.length));
    expect([write(codec), read(codec)]).toEqual([write(fresh), read(fresh)]);
    expect(read(codec)).toMatch(maxDepth < 5 ? 'deeper than' : '"qty":7');
  });

  it('counts the levels that it has learned as all others', () => {
    const limits = { maxDepth: 5 };
    const codec = taught([book], limits);
    const deeper = { id: 1, sides: [{ levels: [level, { px: 1.5, qty: [1] }] }] };
    const bytes = encode(deeper);
    expect(outcome(() => codec.decode(bytes, 0, bytes.length))).toMatch(
      'nested deeper than 5 levels (maxDepth)',
    );
    expect(outcome(() => encode(deeper, codec))).toBe(outcome(() => encode(deeper, msgpack(limits))));
    expect(outcome(() => encode(deeper, codec))).toMatch(
      'deeper than 5 levels at value.sides[0].levels[1].qty',
    );
  });

  it.each([
    { type: 'a', id: 1, of: [1, 2] },
    { type: 'b', at: 1, of: [1, 2] },
    { of: [{ type: 'a' }], more: [2], less: 3 },
    { of: [{ type: 'a' }], most: [2], less: 3 },
  ])('allows exactly maxItems, of %o too, which looks like others at first', (kind) => {
    const kinds = [
      { type: 'a', id: 1, of: [] },
      { type: 'b', at: 1, of: [] },
      { of: [{ type: 'a' }], more: [], less: 3 },
      { of: [{ type: 'a' }], most: [], less: 3 },
    ];
    const exact = JSON.stringify(kind).includes('less') ? 6 : 5;
    const codec = taught(kinds, { maxItems: exact });
    const bytes = encode(kind, codec);
    expect(codec.decode(bytes, 0, bytes.length)).toStrictEqual(kind);
    const larger = { ...kind, of: [...kind.of, 9] };
    const more = encode(larger);
    const text = `${exact + 1} or more items and entries, where maxItems allows ${exact}`;
    expect(outcome(() => codec.decode(more, 0, more.length))).toMatch(text);
    expect(outcome(() => encode(larger, codec))).toMatch(text);
  });

  it('reads what is inside maps that look alike at first only once, however deep they are nested', () => {
    const around = (inner: unknown, key: string): unknown => ({ of: [inner], [key]: 1 });
    const flat = [...'abcd'].map((key) => ({ of: [], [key]: 1 }));
    const deep = flat.flatMap((inner) => [...'abcd'].map((key) => around(around(inner, key), key)));
    const codec = taught([...flat, ...deep]);
    let value: unknown = 1;
    for (let depth = 0; depth < 100; depth += 1) value = around(value, `e${depth}`);
    const bytes = encode(value);
    // Four times each level would not end.
    expect(codec.decode(bytes, 0, bytes.length)).toStrictEqual(value);
    expect(encode(value, codec)).toStrictEqual(bytes);
  });

  it('reads keys in longer forms, numbers as keys and long headers as before', () => {
    const codec = taught([{ px: 1, '7': 2 }, { a: 1 }]);
    const sources = [
      bytesOf(0x82, 0xd9, 2, 'px', 1, 0xa1, '7', 2),
      bytesOf(0x82, 7, 1, 0xa2, 'px', 2),
      bytesOf(0xdf, 0, 0, 0, 2, 0xa1, '7', 1, 0xa2, 'px', 2),
      bytesOf(0x82, 0xa1, '7', 1, 0xda, 0, 2, 'px', 2),
      bytesOf(0x81, 0xa1, 'a', 0xcc, 200),
    ];
    for (let count = 0; count < 5000; count += 1) {
      for (const source of sources.slice(0, 4)) {
        const value = codec.decode(source, 0, source.length) as Record<string, number>;
        expect(value['px']! + value['7']!).toBe(3);
      }
    }
    expect(codec.decode(sources[4]!, 0, 5)).toStrictEqual({ a: 200 });
  });

  it('lets the last of equal keys win, and refuses "__proto__"', () => {
    const codec = taught([{ a: 1, b: 2, c: 3 }]);
    const twice = bytesOf(0x83, 0xa1, 'a', 1, 0xa1, 'b', 2, 0xa1, 'a', 3);
    const hostile = bytesOf(0x83, 0xa1, 'a', 1, 0xa1, 'b', 2, 0xa9, '__proto__', 0x80);
    for (let count = 0; count < OFTEN; count += 1) {
      expect(codec.decode(twice, 0, twice.length)).toStrictEqual({ a: 3, b: 2 });
      expect(() => codec.decode(hostile, 0, hostile.length)).toThrow(
        'msgpack: a map has the key "__proto__"',
      );
    }
  });

  it.each(['toString', 'constructor', 'toJSON'])('leaves the key %s alone', (key) => {
    const generated = vi.spyOn(globalThis, 'Function');
    taught([{ [key]: 1, a: 2 }]);
    expect(generated).not.toHaveBeenCalled();
  });

  it('writes nothing for a field that goes while others are read, and counts nothing', () => {
    const codec = taught([{ of: { a: 1, b: 2, c: 3 }, d: 4 }], { maxItems: 5 });
    const make = (more: object): unknown => ({
      of: {
        get a() {
          Reflect.deleteProperty(this, 'b');
          return 1;
        },
        b: undefined,
        c: 3,
      },
      ...more,
    });
    expect(encode(make({ d: [4] }), codec)).toStrictEqual(encode({ of: { a: 1, c: 3 }, d: [4] }));
    expect(() => encode(make({ d: [4, 5] }), codec)).toThrow('6 or more items');
    const undeleted = { of: { a: 1, b: undefined, c: 3 }, d: 4 };
    expect(encode(undeleted, codec)).toStrictEqual(encode({ of: { a: 1, b: null, c: 3 }, d: 4 }));
  });

  it('allows a value whose last field goes while the one that fills maxItems is read', () => {
    const codec = taught([{ a: 1, b: 2 }], { maxItems: 2 });
    const make = (more: object): unknown => ({
      get a() {
        Reflect.deleteProperty(this, 'b');
        return [4];
      },
      b: 2,
      ...more,
    });
    expect(encode(make({}), codec)).toStrictEqual(encode({ a: [4] }));
    expect(() => encode(make({ c: 3 }), codec)).toThrow('3 or more items');
    expect(() => encode({ a: [4], b: undefined }, codec)).toThrow('3 or more items');
  });

  it('reads every property once, and says where it refuses one', () => {
    const codec = taught([{ a: [{ b: 1 }], c: 'x' }]);
    const reads: string[] = [];
    const watch = <T extends object>(of: T): T =>
      new Proxy(of, {
        get(object, key) {
          reads.push(String(key));
          return Reflect.get(object, key) as unknown;
        },
      });
    const value = (): unknown => watch({ a: watch([watch({ b: 1 })]), c: 'x' });
    expect(encode(value(), codec)).toStrictEqual(encode({ a: [{ b: 1 }], c: 'x' }));
    expect(reads).toEqual(['toJSON', 'a', 'length', '0', 'toJSON', 'b', 'c']);
    expect(() => encode({ a: [{ b: 1 }, { b: Symbol('s') }], c: 'x' }, codec)).toThrow(
      'msgpack: cannot encode a symbol at value.a[1].b',
    );
  });
});

describe('what is learned', () => {
  it('is bounded, however many sequences of keys come', () => {
    const generated = vi.spyOn(globalThis, 'Function');
    const codec = msgpack();
    const fields = (count: number) =>
      Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`f${count}of${at}`, at]));
    // Each of them at a place of its own, as one place gives up soon.
    const value = Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`place${at}`, fields(at)]));
    for (let count = 0; count < OFTEN; count += 1) {
      const bytes = encode(value, codec);
      expect(Object.keys(codec.decode(bytes, 0, bytes.length) as object)).toHaveLength(60);
    }
    // 2,048 fields each way: 34 sequences of 60.
    expect(generated).toHaveBeenCalledTimes(2 * 34);
  });

  it('is nothing where sequences of keys never come again, or are too long', () => {
    const generated = vi.spyOn(globalThis, 'Function');
    const codec = msgpack();
    const long = Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`f${at}`, at]));
    for (let count = 0; count < 5 * OFTEN; count += 1) {
      for (const value of [{ [`key${count}`]: 1 }, { ['k'.repeat(65)]: 1 }, {}, long]) {
        const bytes = encode(value, codec);
        expect(codec.decode(bytes, 0, bytes.length)).toStrictEqual(value);
      }
    }
    expect(generated).not.toHaveBeenCalled();
  });
});

describe('a site', () => {
  interface Fake extends Made<string> {
    readonly keys: string;
  }

  function see(site: Site<string, Fake>, key: string, times: number): void {
    for (let count = 0; count < times; count += 1) {
      const sighting = site.watch();
      sighting?.add(key, 1);
      if (sighting !== undefined) site.learn(sighting);
    }
  }

  function createSite(): Site<string, Fake> {
    return new Learned<string, Fake>('any', (keys) => ({
      run: `of ${keys}`,
      keys: keys.join(),
    })).createRoot();
  }

  it('learns what comes four times when it watches, after 16 maps', () => {
    const site = createSite();
    see(site, 'a', 19);
    expect([site.run, site.isEmpty]).toEqual(['any', true]);
    see(site, 'a', 1);
    expect([site.run, site.isEmpty]).toEqual(['of a', false]);
  });

  it('knows four sequences, the last first', () => {
    const site = createSite();
    for (const [index, key] of [...'abcde'].entries()) see(site, key, 2 ** (index + 4) + 4);
    expect(site.known.map(({ keys }) => keys)).toEqual(['e', 'd', 'c', 'b']);
    expect(site.run).toBe('of e');
  });

  it('gives up after twelve', () => {
    const site = createSite();
    for (let index = 0; index < 12; index += 1) see(site, `key${index}`, 2 ** (index + 4) + 4);
    expect(site.known).toHaveLength(4);
    see(site, 'last', 2 ** 16 + 4);
    see(site, 'again', 2 ** 18);
    expect([site.known, site.run, site.isEmpty]).toEqual([[], 'any', true]);
  });

  it('stops watching for what does not come again, and waits twice as long', () => {
    const site = createSite();
    see(site, 'once', 17);
    see(site, 'other', 32);
    see(site, 'other', 32);
    expect(site.run).toBe('any');
    see(site, 'other', 4);
    expect(site.run).toBe('of other');
  });
});
