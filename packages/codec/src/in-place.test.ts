import { describe, expect, it } from 'vitest';
import { encodeInPlace, encodesInPlace } from './in-place.js';
import {
  array,
  boolean,
  bytes,
  type Codec,
  codecOf,
  f32,
  f64,
  type Infer,
  i8,
  i16,
  i32,
  i64,
  json,
  map,
  msgpack,
  nullable,
  oneOf,
  optional,
  raw,
  type Shape,
  type ShapeOptions,
  string,
  struct,
  timestamp,
  u8,
  u16,
  u32,
  u64,
  union,
  unknown,
} from './index.js';

/** A place in bytes that are all 9. */
class Place {
  readonly bytes: Uint8Array = new Uint8Array(400).fill(9);
  readonly data: DataView = new DataView(this.bytes.buffer);
  offset = -1;
  limit = -1;
  begun = 0;
  length = -1;
  readonly #room: number;

  constructor(room = 300) {
    this.#room = room;
  }

  begin(length: number): boolean {
    this.begun += 1;
    this.length = length;
    this.offset = 10;
    this.limit = 10 + this.#room;
    return true;
  }
}

function encode<T>(codec: Codec<T>, value: T, place: Place = new Place()): number {
  if (!encodesInPlace(codec)) expect.fail('it does not encode in place');
  return codec[encodeInPlace](value, place);
}

const everything = struct({
  u8: u8(),
  u16: u16({ max: 1000 }),
  u32: u32(),
  u64: u64(),
  i8: i8(),
  i16: i16(),
  i32: i32(),
  i64: i64(),
  number: i64({ as: 'number' }),
  f32: f32(),
  f64: f64(),
  boolean: boolean(),
  string: string(),
  oneOf: oneOf('left', 'right', 'ümlaut', ''),
  nullable: nullable(string({ maxLength: 3 })),
  missing: optional(u32()),
  both: optional(nullable(f64())),
  toString: optional(string()),
  bytes: bytes({ maxLength: 100 }),
  ofNone: optional(nullable(bytes({ copy: false }))),
});

const fieldNames = everything.node.kind === 'struct' ? everything.node.fields.map(({ name }) => name) : [];

const values = [
  {
    ...{ u8: 0, u16: 0, u32: 0, u64: 0n, i8: 0, i16: 0, i32: 0, i64: 0n, number: 0, f32: 0, f64: 0 },
    ...{ boolean: false, string: '', oneOf: '', nullable: null, bytes: Uint8Array.of(1) },
  },
  {
    ...{ u8: 200, u16: 1000, u32: 2 ** 32 - 1, u64: 2n ** 64n - 1n, i8: -128, i16: -32768, i32: -(2 ** 31) },
    ...{ i64: -(2n ** 63n), number: -(2 ** 53 - 1), f32: 1.5, f64: Number.NaN, boolean: true },
    ...{ string: 'twenty characters 20', oneOf: 'ümlaut', nullable: 'abc', missing: 7, both: null },
    ...{ toString: 'own', bytes: new Uint8Array(40).fill(7), ofNone: null },
  },
  {
    ...{
      u8: 127,
      u16: 300,
      u32: 70_000,
      u64: 1n,
      i8: -32,
      i16: -129,
      i32: -40_000,
      i64: 5n,
      number: 2 ** 40,
    },
    ...{ f32: -Infinity, f64: -0, boolean: true, string: 'AAPL', oneOf: 'right', nullable: '', both: 1 },
    ...{ bytes: Buffer.from('thirty-three bytes, one more than'), ofNone: new Uint8Array(32).fill(5) },
  },
] as unknown as readonly Infer<typeof everything>[];

describe('a flat struct in place', () => {
  it.each(values)('is written as encode does', (value) => {
    const target = new Uint8Array(400).fill(9);
    const codec = codecOf(everything);
    const end = codec.encode(value, target, 10);
    const place = new Place();
    expect(encode(codec, value, place)).toBe(end);
    expect(place.bytes).toEqual(target);
    expect(place.begun).toBe(1);
    expect(place.length).toBeGreaterThanOrEqual(end - 10);
    expect(encode(codec, value, new Place(place.length))).toBe(end);
  });

  it('is written as an array too', () => {
    const shape = struct({ a: u32(), b: optional(string()), c: optional(u8()) });
    const codec = codecOf(shape, { layout: 'array' });
    const target = new Uint8Array(400).fill(9);
    const end = codec.encode({ a: 70_000, c: 1 }, target, 10);
    const place = new Place();
    expect(encode(codec, { a: 70_000, c: 1 }, place)).toBe(end);
    expect(place.bytes).toEqual(target);
  });

  it.each(values)('writes nothing beyond the limit', (value) => {
    for (let room = 0; room < 300; room += 1) {
      const place = new Place(room);
      const end = encode(codecOf(everything), value, place);
      expect(end === -1 || end <= 10 + room).toBe(true);
      expect(place.bytes.subarray(10 + room).every((byte) => byte === 9)).toBe(true);
    }
  });

  it.each([
    ['a longer text', { a: 1, b: 'x'.repeat(21) }],
    ['a text that is not ASCII', { a: 1, b: 'ä' }],
    ['a number out of range', { a: -1, b: '' }],
    ['another type', { a: '1', b: '' }],
    ['a symbol', { a: Symbol('a'), b: '' }],
    ['a missing field', { b: '' }],
    ['no object', 5],
    ['null', null],
    ['an array', [1, '']],
    [
      'a getter that throws',
      {
        get a() {
          throw new Error('mine');
        },
        b: '',
      },
    ],
    [
      'a revoked proxy',
      (() => {
        const { proxy, revoke } = Proxy.revocable({}, {});
        revoke();
        return proxy;
      })(),
    ],
  ])('does not begin for %s', (_what, value) => {
    const place = new Place();
    expect(encode<unknown>(codecOf(struct({ a: u32(), b: string() })), value, place)).toBe(-1);
    expect(place.begun).toBe(0);
  });

  it('writes nothing when it may not begin', () => {
    const place = new Place();
    place.begin = () => false;
    expect(encode<unknown>(codecOf(struct({ a: u32() })), { a: 1 }, place)).toBe(-1);
    expect(place.bytes.every((byte) => byte === 9)).toBe(true);
  });

  it('lets what begin throws through', () => {
    const place = new Place();
    place.begin = () => {
      throw new Error('mine');
    };
    expect(() => encode<unknown>(codecOf(struct({ a: u32() })), { a: 1 }, place)).toThrow('mine');
  });

  it('runs no code of the value after it began, and reads each field once', () => {
    const place = new Place();
    const read: unknown[] = [];
    const handler = new Proxy(
      {},
      {
        get: (_target, trap) => (target: object, key: PropertyKey, receiver: unknown) => {
          expect(place.begun).toBe(0);
          if (trap === 'get') read.push(key);
          return Reflect.get(Reflect, trap)(target, key, ...(trap === 'get' ? [receiver] : []));
        },
      },
    );
    expect(encode<unknown>(codecOf(everything), new Proxy(values[1]!, handler), place)).toBeGreaterThan(10);
    expect(read).toEqual(fieldNames);
    expect(place.begun).toBe(1);
  });
});

describe('what encodes in place', () => {
  const others: [string, Shape, ShapeOptions?][] = [
    ['a number', u32()],
    ['a struct in a struct', struct({ a: struct({}) })],
    ['an array', struct({ a: array(u32()) })],
    ['a map', struct({ a: map(string(), u32()) })],
    ['a time', struct({ a: nullable(timestamp()) })],
    ['an unknown value', struct({ a: optional(unknown()) })],
    ['a union', union('t', { a: struct({}) })],
    ['what may be too large', struct({ a: string() }), { maxSize: 20 }],
  ];
  it.each(others)('is not %s', (...[, shape, options]) => {
    expect(encodesInPlace(codecOf(shape, options))).toBe(false);
  });

  it('is not what is made of another codec', () => {
    expect(encodesInPlace(raw())).toBe(true);
    expect(encodesInPlace({ ...raw() })).toBe(false);
    expect(encodesInPlace(Object.create(raw()))).toBe(false);
    expect([json(), msgpack()].some(encodesInPlace)).toBe(false);
  });
});

/** Memory whose length can change. TypeScript knows it from ES2024 on, Node from 20 on. */
function growing<B>(kind: new (length: number) => B, length: number): B & { resize(length: number): void } {
  return Reflect.construct(kind, [length, { maxByteLength: 100 }]);
}

describe('bytes in place, of a shape', () => {
  const blob = codecOf(struct({ a: bytes({ maxLength: 300 }) }));
  const plain = codecOf(bytes());
  const lengths = [1, 31, 32, 33, 255, 256, 290];

  it.each(lengths)('are written as encode does, %i of them', (length) => {
    const value = Uint8Array.from({ length }, (_, index) => index);
    const target = new Uint8Array(400).fill(9);
    const end = plain.encode(value, target, 10);
    const place = new Place();
    expect(encode(plain, value, place)).toBe(end);
    expect(place.bytes).toEqual(target);
    const other = new Uint8Array(400).fill(9);
    const otherPlace = new Place();
    expect(encode(blob, { a: value }, otherPlace)).toBe(blob.encode({ a: value }, other, 10));
    expect(otherPlace.bytes).toEqual(other);
  });

  it('have headers of every length', () => {
    for (const length of [0xffff, 0x10000]) {
      const bytesOf = (size: number) => new Uint8Array(size);
      const place = {
        ...new Place(),
        bytes: bytesOf(length + 20),
        offset: 3,
        limit: length + 20,
        begin: () => true,
      };
      const target = bytesOf(length + 20);
      const value = new Uint8Array(length).fill(1);
      expect(plain.encode(value, target, 3)).toBe(encode(plain, value, place as unknown as Place));
      expect(Buffer.compare(place.bytes, target)).toBe(0);
    }
  });

  const detached = new Uint8Array(4);
  structuredClone(detached, { transfer: [detached.buffer] });
  it.each([
    ['more than the shape takes', new Uint8Array(301)],
    ['none', new Uint8Array(0)],
    ['detached ones', detached],
    ['ones that other threads can change', new Uint8Array(new SharedArrayBuffer(4))],
    ['other typed arrays', new Uint16Array(2)],
    ['a proxy', new Proxy(new Uint8Array(3), {})],
    ['what has only the prototype', Object.create(Uint8Array.prototype)],
  ])('are left to encode: %s', (_what, value) => {
    for (const codec of [blob, codecOf(bytes({ maxLength: 300 }))]) {
      const place = new Place();
      expect(encode<unknown>(codec as Codec<unknown>, codec === blob ? { a: value } : value, place)).toBe(-1);
      expect(place.begun).toBe(0);
    }
  });

  it('are left to encode beyond what the codec takes', () => {
    for (const [codec, value] of [
      [codecOf(bytes(), { maxSize: 20 }), new Uint8Array(16)],
      [codecOf(bytes(), { maxBinaryBytes: 8 }), new Uint8Array(9)],
      [codecOf(struct({ a: bytes() }), { maxSize: 20 }), { a: new Uint8Array(14) }],
      [codecOf(struct({ a: bytes() }), { maxBinaryBytes: 8 }), { a: new Uint8Array(9) }],
    ] as const) {
      const place = new Place();
      expect(encode<unknown>(codec as Codec<unknown>, value, place)).toBe(-1);
      expect(place.begun).toBe(0);
    }
  });

  it('write nothing beyond the limit', () => {
    for (let room = 0; room < 60; room += 1) {
      const place = new Place(room);
      const end = encode(plain, new Uint8Array(40), place);
      expect(end === -1 || end <= 10 + room).toBe(true);
      expect(place.bytes.subarray(10 + room).every((byte) => byte === 9)).toBe(true);
    }
  });
});

describe('raw bytes in place', () => {
  it('are copied', () => {
    const place = new Place();
    expect(encode(raw(), Uint8Array.of(1, 2, 3), place)).toBe(13);
    expect([...place.bytes.subarray(9, 14)]).toEqual([9, 1, 2, 3, 9]);
    expect([place.begun, place.length]).toEqual([1, 3]);
    expect(encode(raw(), new Uint8Array(300))).toBe(310);
    expect(encode(raw(), new Uint8Array(301))).toBe(-1);
  });

  it('are asked by their slots, whatever their properties say', () => {
    class Liar extends Uint8Array {
      override get length(): number {
        return expect.fail('it was asked');
      }
      override get buffer(): never {
        return expect.fail('it was asked');
      }
    }
    const place = new Place();
    expect(encode(raw(), new Liar([1, 2, 3]), place)).toBe(13);
    expect([...place.bytes.subarray(9, 14)]).toEqual([9, 1, 2, 3, 9]);
    expect(raw().encode(new Liar([1, 2, 3]), new Uint8Array(10), 0)).toBe(3);
  });

  const buffer = growing(ArrayBuffer, 8);
  const cut = new Uint8Array(buffer, 4, 4);
  const tracking = new Uint8Array(buffer);
  buffer.resize(6);
  const detached = new Uint8Array(4);
  structuredClone(detached, { transfer: [detached.buffer] });

  it.each([
    ['a proxy', new Proxy(new Uint8Array(3), {})],
    ['what has only the prototype', Object.create(Uint8Array.prototype)],
    ['other typed arrays', new Uint16Array(2)],
    ['detached ones', detached],
    ['ones that were cut off', cut],
  ])('are not %s', (_what, value) => {
    const place = new Place();
    expect(encode<Uint8Array>(raw(), value, place)).toBe(-1);
    expect(place.begun).toBe(0);
    expect(() => raw().encode(value, new Uint8Array(10), 0)).toThrow(
      expect.objectContaining({ name: 'CodecError', code: 'UNENCODABLE' }),
    );
  });

  it('may follow the length of their memory', () => {
    expect(encode(raw(), tracking)).toBe(16);
  });

  it('are left to encode where another thread can let them grow', () => {
    const shared = new Uint8Array(growing(SharedArrayBuffer, 4));
    const place = new Place();
    expect(encode(raw(), shared, place)).toBe(-1);
    expect(place.begun).toBe(0);
    expect(raw().encode(shared, new Uint8Array(10), 0)).toBe(4);
  });
});
