import { describe, expect, it } from 'vitest';
import { msgpack } from './index.js';

const codec = msgpack();
const target = new Uint8Array(1000);

function encode(value: unknown): Uint8Array {
  return target.slice(0, codec.encode(value, target, 0));
}

describe('the limits of msgpack', () => {
  const most = 2 ** 20;

  it.each([
    ['empty maps', 64 * 2 ** 20, [0xdd, 0x03, 0xff, 0xff, 0xfb], 0x80],
    ['empty arrays', 64 * 2 ** 20, [0xdd, 0x03, 0xff, 0xff, 0xfb], 0x90],
    ['the keys and values of a map', 64 * 2 ** 20, [0xdf, 0x01, 0xff, 0xff, 0xfd], 0x01],
  ])('refuse 64 MiB of %s before they become anything', (_what, length, header, byte) => {
    const source = new Uint8Array(length).fill(byte);
    source.set(header);
    const before = process.memoryUsage().heapUsed;
    expect(() => codec.decode(source, 0, source.length)).toThrow(
      /^msgpack: \d{8} or more items and entries, where maxItems allows 1048576$/,
    );
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(16 * 2 ** 20);
  });

  it('count the items of all arrays and maps together', () => {
    const small = msgpack({ maxItems: 6 });
    const fits = { list: [1, [2]], map: new Map([[1, 2]]) };
    const bytes = target.slice(0, small.encode(fits, target, 0));
    expect(small.decode(bytes, 0, bytes.length)).toStrictEqual({ list: [1, [2]], map: { 1: 2 } });
    const larger = encode({ ...fits, more: 1 });
    expect(() => small.encode({ ...fits, more: 1 }, target, 0)).toThrow(
      'msgpack: cannot encode 7 or more items and entries, where maxItems allows 6',
    );
    expect(() => small.decode(larger, 0, larger.length)).toThrow(
      'msgpack: 7 or more items and entries, where maxItems allows 6',
    );
  });

  it('let large messages through', () => {
    const rows = Array.from({ length: 100_000 }, (_, id) => ({
      id,
      a: 1,
      b: 2,
      c: 3,
      d: 4,
      e: 5,
      f: 6,
      g: 7,
      h: 8,
    }));
    const large = new Uint8Array(10_000_000);
    const end = codec.encode(rows, large, 0);
    expect((codec.decode(large, 0, end) as unknown[]).length).toBe(rows.length);
    expect(() => codec.encode(new Array(most + 1).fill(0), large, 0)).toThrow('1048577 or more');
    expect(codec.encode(new Array(most).fill(0), large, 0)).toBe(most + 5);
  });

  it('are levels too', () => {
    const flat = msgpack({ maxDepth: 1 });
    expect(flat.encode([1], target, 0)).toBe(2);
    expect(() => flat.encode([[1]], target, 0)).toThrow('something nested deeper than 1 levels');
    expect(() => flat.decode(Uint8Array.of(0x91, 0x90), 0, 2)).toThrow(
      'nested deeper than 1 levels (maxDepth)',
    );
  });

  it.each([
    [{ maxItem: 1 }, 'msgpack() has no option "maxItem"; it takes int64, maxItems, maxDepth'],
    [{ maxItems: 0 }, 'maxItems must be a whole number from 1 to 134217728, not 0'],
    [{ maxDepth: 257 }, 'maxDepth must be a whole number from 1 to 256, not 257'],
    [{ maxItems: '5' }, 'maxItems must be a whole number from 1 to 134217728, not string "5"'],
    [{ int64: 'number' }, 'int64 must be "bigint" or "number-if-exact", not "number"'],
    [null, 'the options of msgpack() must be an object, not null'],
  ])('are refused where they make no sense: %o', (options, message) => {
    expect(() => msgpack(options as object)).toThrow(
      expect.objectContaining({ code: 'INVALID_SHAPE', message }),
    );
  });
});
