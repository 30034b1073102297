import { describe, expect, it } from 'vitest';
import {
  array,
  boolean,
  bytes,
  type Codec,
  CodecError,
  codecOf,
  f32,
  f64,
  type Infer,
  i16,
  i64,
  json,
  map,
  msgpack,
  nullable,
  oneOf,
  optional,
  raw,
  string,
  struct,
  timestamp,
  u32,
  union,
  unknown,
} from './index.js';

interface Subject {
  /** Defaults to the name. */
  readonly id?: string;
  readonly make: () => Codec<unknown>;
  readonly values: readonly unknown[];
  readonly unencodable: unknown;
  readonly undecodable: Uint8Array | undefined;
}

const plainValues = [
  null,
  true,
  0,
  -1,
  1.5,
  2 ** 53,
  '',
  'é€😀',
  'x'.repeat(70_000),
  [],
  {},
  [1, [2, { a: [] }]],
  { id: 1, sym: 'AAPL', px: 187.25, qty: 100, ts: 1_700_000_000_000, side: 'buy' },
  Array.from({ length: 70_000 }, (_, index) => index),
  Object.fromEntries(Array.from({ length: 70_000 }, (_, index) => [`key${index}`, index])),
];

const level = struct({ price: f64(), size: u32() });
const anything = nullable(
  union('kind', {
    book: struct({ levels: array(level), best: optional(level), open: boolean() }),
    text: struct({ text: string(), 'a "name"': i64(), at: timestamp(), raw: bytes() }),
    rest: struct({ value: unknown(), counts: map(u32(), i16()), ratio: f32(), side: oneOf('buy', 'sell') }),
  }),
);
const best = { price: -0.5, size: 2 ** 32 - 1 };
const shapedValues: readonly Infer<typeof anything>[] = [
  null,
  { kind: 'book', levels: [], open: true },
  { kind: 'book', levels: [best, { price: Number.NaN, size: 0 }], best, open: false },
  {
    kind: 'book',
    levels: Array.from({ length: 70_000 }, (_, size) => ({ price: size / 7, size })),
    open: true,
  },
  { kind: 'text', text: 'é€😀', 'a "name"': -(2n ** 63n), at: new Date(-1), raw: Uint8Array.of(0, 255) },
  { kind: 'text', text: 'x'.repeat(70_000), 'a "name"': 0n, at: new Date(0), raw: new Uint8Array(70_000) },
  { kind: 'rest', value: [1, { a: null }], counts: new Map([[7, -7]]), ratio: 0.25, side: 'sell' },
];

function shaped(layout: 'map' | 'array'): Subject {
  return {
    id: layout === 'map' ? 'msgpack' : 'msgpack-array',
    make: () => codecOf(anything, { layout }) as Codec<unknown>,
    values: shapedValues,
    unencodable: { kind: 'book', levels: [{ price: 'x', size: 1 }], open: true },
    undecodable: Uint8Array.of(0xc1),
  };
}

const subjects: Record<string, Subject> = {
  'shape as map': shaped('map'),
  'shape as array': shaped('array'),
  msgpack: {
    make: () => msgpack(),
    values: plainValues,
    unencodable: () => 1,
    undecodable: Uint8Array.of(0xc1),
  },
  json: { make: () => json(), values: plainValues, unencodable: () => 1, undecodable: Uint8Array.of(0xff) },
  raw: {
    make: () => raw() as Codec<unknown>,
    values: [new Uint8Array(0), Uint8Array.of(0, 255), new Uint8Array(100_000).fill(7)],
    unencodable: 'text',
    undecodable: undefined,
  },
};

/** What has a length or memory, and yet is no target and no source. */
const wrongBytes: readonly unknown[] = [
  new Uint16Array(100),
  new Uint8ClampedArray(100),
  new DataView(new ArrayBuffer(100)),
  new ArrayBuffer(100),
  new Proxy(new Uint8Array(100), {}),
  new Array(100).fill(0),
  { length: 100 },
  'x'.repeat(100),
  100,
  null,
  undefined,
];

function encodeAlone(codec: Codec<unknown>, value: unknown): Uint8Array {
  const target = new Uint8Array(2_000_000);
  return target.slice(0, codec.encode(value, target, 0));
}

function failure(action: () => unknown): CodecError {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(CodecError);
    return error as CodecError;
  }
  throw new Error('nothing was thrown');
}

describe.each(Object.entries(subjects))(
  '%s, as every codec',
  (name, { id = name, make, values, unencodable, undecodable }) => {
    it('has its id, in printable ASCII', () => {
      expect(make().id).toBe(id);
      expect(make().id).toMatch(/^[ -~]{1,31}$/);
    });

    it('gives back what it was given, at any offset, in a Uint8Array or a Buffer', () => {
      const codec = make();
      for (const value of values) {
        for (const [target, offset] of [
          [new Uint8Array(2_000_000), 0],
          [new Uint8Array(2_000_000), 4099],
          [Buffer.alloc(2_000_000), 3],
          [new Uint8Array(new ArrayBuffer(2_000_016), 9), 1],
        ] as const) {
          const end = codec.encode(value, target, offset);
          expect(codec.decode(target, offset, end)).toStrictEqual(value);
        }
      }
    });

    it('writes between the offset and the end only', () => {
      const codec = make();
      for (const value of values) {
        const { length } = encodeAlone(codec, value);
        const target = new Uint8Array(length + 20).fill(0xaa);
        expect(codec.encode(value, target, 10)).toBe(length + 10);
        expect(target.slice(0, 10)).toStrictEqual(new Uint8Array(10).fill(0xaa));
        expect(target.slice(length + 10)).toStrictEqual(new Uint8Array(10).fill(0xaa));
      }
    });

    it('fits exactly, and says exactly what it needs when there is a byte less', () => {
      const codec = make();
      for (const value of values) {
        const { length } = encodeAlone(codec, value);
        expect(codec.encode(value, new Uint8Array(length + 5), 5)).toBe(length + 5);
        if (length === 0) continue;
        for (const room of [length - 1, 0]) {
          const error = failure(() => codec.encode(value, new Uint8Array(room + 5), 5));
          expect([error.code, error.needed]).toStrictEqual(['NO_ROOM', length]);
        }
      }
    });

    it('refuses offsets and ranges outside', () => {
      const codec = make();
      const value = values.at(-1);
      const bytes = encodeAlone(codec, value);
      for (const offset of [-1, 0.5, Number.NaN, bytes.length + 1, Infinity]) {
        expect(failure(() => codec.encode(value, new Uint8Array(bytes.length), offset)).code).toBe('NO_ROOM');
      }
      for (const [start, end] of [
        [-1, 1],
        [0, bytes.length + 1],
        [1, 0],
        [0.5, 1],
        [0, Number.NaN],
      ] as const) {
        expect(failure(() => codec.decode(bytes, start, end)).code).toBe('UNDECODABLE');
      }
    });

    it('refuses targets and sources that are no Uint8Array', () => {
      const codec = make();
      const value = values[0];
      const end = encodeAlone(codec, value).length;
      for (const wrong of wrongBytes) {
        const target = wrong as Uint8Array;
        const what = Object.prototype.toString.call(wrong);
        const encoding = failure(() => codec.encode(value, target, 0));
        expect([encoding.code, encoding.needed], what).toStrictEqual(['UNENCODABLE', undefined]);
        expect(encoding.message, what).toContain(`${id}: the target must be a Uint8Array, not `);
        const decoding = failure(() => codec.decode(target, 0, end));
        expect(decoding.code, what).toBe('UNDECODABLE');
        expect(decoding.message, what).toContain(`${id}: the source must be a Uint8Array, not `);
      }
    });

    it('has no room in a target, and finds nothing in a source, whose memory was detached', () => {
      const codec = make();
      const value = values.at(-1);
      const { length } = encodeAlone(codec, value);
      const detached = new Uint8Array(length);
      structuredClone(detached.buffer, { transfer: [detached.buffer] });
      const error = failure(() => codec.encode(value, detached, 0));
      expect([error.code, error.needed]).toStrictEqual(['NO_ROOM', length]);
      expect(failure(() => codec.decode(detached, 0, length)).code).toBe('UNDECODABLE');
    });

    it('works with memory that threads share, and keeps no connection to it', () => {
      const codec = make();
      const shared = new Uint8Array(new SharedArrayBuffer(2_000_000));
      for (const value of values) {
        const end = codec.encode(value, shared, 3);
        expect(Buffer.compare(shared.subarray(3, end), encodeAlone(codec, value))).toBe(0);
        const decoded = codec.decode(shared, 3, end);
        shared.fill(0xee, 0, end);
        expect(decoded).toStrictEqual(value);
      }
    });

    it('refuses what it cannot encode, without `needed`, and works after that', () => {
      const codec = make();
      const error = failure(() => codec.encode(unencodable, new Uint8Array(100), 0));
      expect([error.name, error.code, error.needed]).toStrictEqual(['CodecError', 'UNENCODABLE', undefined]);
      for (const value of values) {
        const bytes = encodeAlone(codec, value);
        expect(codec.decode(bytes, 0, bytes.length)).toStrictEqual(value);
      }
    });

    it('refuses other bytes and an empty range, if it knows any, and works after that', () => {
      const codec = make();
      if (undecodable === undefined) return;
      const bytes = undecodable;
      expect(failure(() => codec.decode(bytes, 0, bytes.length)).code).toBe('UNDECODABLE');
      expect(failure(() => codec.decode(bytes, 0, 0)).code).toBe('UNDECODABLE');
      const good = encodeAlone(codec, values[0]);
      expect(codec.decode(good, 0, good.length)).toStrictEqual(values[0]);
    });

    it('keeps no connection to the source, and leaves it as it was', () => {
      const codec = make();
      for (const value of values) {
        const bytes = encodeAlone(codec, value);
        const before = bytes.slice();
        const decoded = codec.decode(bytes, 0, bytes.length);
        expect(Buffer.compare(bytes, before)).toBe(0);
        expect(Reflect.has(bytes, 'dataView')).toBe(false);
        bytes.fill(0xee);
        encodeAlone(codec, values[0]);
        expect(decoded).toStrictEqual(value);
      }
    });

    it('keeps nothing of the target', () => {
      const codec = make();
      for (const value of values) {
        const target = new Uint8Array(2_000_000);
        const end = codec.encode(value, target, 0);
        const first = target.slice(0, end);
        encodeAlone(codec, values[0]);
        expect(Buffer.compare(target.subarray(0, end), first)).toBe(0);
        expect(Reflect.has(target, 'dataView')).toBe(false);
      }
    });
  },
);
