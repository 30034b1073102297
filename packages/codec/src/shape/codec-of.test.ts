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
  i8,
  i64,
  map,
  msgpack,
  nullable,
  oneOf,
  optional,
  record,
  type Shape,
  type ShapeOptions,
  string,
  struct,
  timestamp,
  u8,
  u32,
  u64,
  union,
  unknown,
} from '../index.js';

const target = new Uint8Array(200_000);

function encoded(codec: Codec<unknown>, value: unknown): Uint8Array {
  return target.slice(0, codec.encode(value, target, 0));
}

function decoded(codec: Codec<unknown>, bytes: Uint8Array): unknown {
  return codec.decode(bytes, 0, bytes.length);
}

function failure(work: () => unknown): CodecError {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(CodecError);
    return error as CodecError;
  }
  throw new Error('nothing was thrown');
}

/** What is said about a value that is encoded. */
function refusal(shape: Shape, value: unknown, options?: ShapeOptions): string {
  const error = failure(() => codecOf(shape, options).encode(value, target, 0));
  expect(error.code).toBe('UNENCODABLE');
  return error.message;
}

/** What is said about a value that another codec encoded. */
function decodingRefusal(shape: Shape, value: unknown, options?: ShapeOptions): string {
  const error = failure(() => decoded(codecOf(shape, options), encoded(msgpack(), value)));
  expect(error.code).toBe('UNDECODABLE');
  return error.message;
}

const order = struct({
  id: u32(),
  side: oneOf('buy', 'sell'),
  legs: array(struct({ price: f64() })),
  note: optional(string()),
});
const good = { id: 1, side: 'buy', legs: [{ price: 1.5 }] };

describe('codecOf', () => {
  it('makes one codec for each shape and options', () => {
    expect(codecOf(order)).toBe(codecOf(order, { layout: 'map' }));
    expect(codecOf(order)).not.toBe(codecOf(order, { maxItems: 5 }));
    expect(codecOf(order).generated).toBe(true);
    expect(codecOf(order).id).toBe('msgpack');
    expect(codecOf(order, { layout: 'array' }).id).toBe('msgpack-array');
  });

  it('writes fields in the order of the shape, and none that it does not name', () => {
    const codec = codecOf(struct({ b: u8(), a: u8() }));
    expect(encoded(codec, { a: 1, b: 2, c: 3 })).toStrictEqual(
      Uint8Array.of(0x82, 0xa1, 0x62, 2, 0xa1, 0x61, 1),
    );
    const asArray = codecOf(struct({ b: u8(), a: optional(u8()) }), { layout: 'array' });
    expect(encoded(asArray, { a: 1, b: 2 })).toStrictEqual(Uint8Array.of(0x92, 2, 1));
    expect(encoded(asArray, { b: 2 })).toStrictEqual(Uint8Array.of(0x92, 2, 0xc0));
  });

  it('says how large a value can be', () => {
    const bounded = struct({ id: u32(), name: string({ maxLength: 3 }), raw: bytes({ maxLength: 10 }) });
    // The header, 3 + 5, 5 + 5 + 4 · 3, 4 + 5 + 10.
    expect(codecOf(bounded).maxSize).toBe(1 + 8 + 22 + 19);
    expect(codecOf(order).maxSize).toBe(Infinity);
    expect(codecOf(array(u8(), { maxItems: 3 })).maxSize).toBe(5 + 3 * 2);
  });

  it.each([
    [{ maxDepth: 0 }, 'maxDepth must be a whole number from 1 to 256, not 0'],
    [{ maxItems: 1.5 }, 'maxItems must be a whole number from 1 to 134217728, not 1.5'],
    [{ layout: 'list' }, 'layout must be "map" or "array", not "list"'],
  ])('refuses the options %j', (options, message) => {
    expect(failure(() => codecOf(order, options as ShapeOptions))).toMatchObject({
      code: 'INVALID_SHAPE',
      message,
    });
  });

  it('refuses what nil would have two meanings for, as an array', () => {
    const ambiguous = struct({ note: optional(nullable(string())) });
    expect(failure(() => codecOf(array(ambiguous), { layout: 'array' })).message).toContain(
      '"note" is optional and nullable',
    );
    const codec = codecOf(ambiguous);
    for (const value of [{}, { note: null }, { note: 'x' }]) {
      expect(decoded(codec, encoded(codec, value))).toStrictEqual(value);
    }
  });
});

describe('what does not fit', () => {
  it.each<[string, Shape, unknown]>([
    ['legs[1].price: expected f64, got string "x"', order, { ...good, legs: [{ price: 1 }, { price: 'x' }] }],
    ['side: expected one of "buy", "sell", got string "hold"', order, { ...good, side: 'hold' }],
    ['id: expected u32, got undefined', order, { ...good, id: undefined }],
    ['note: expected string, got null', order, { ...good, note: null }],
    ['legs: expected array, got object Object', order, { ...good, legs: {} }],
    ['value: expected struct, got array of 0', order, []],
    ['value: expected struct, got null', order, null],
    ['value: expected u8, got number 256', u8(), 256],
    ['value: expected i8, got number -129', i8(), -129],
    ['value: expected u8, got number 1.5', u8(), 1.5],
    ['value: expected u32, got number NaN', u32(), Number.NaN],
    ['value: expected u32 from 1 to 10, got number 11', u32({ min: 1, max: 10 }), 11],
    ['value: expected u64 as a bigint, got number 1', u64(), 1],
    ['value: expected u64, got bigint -1', u64(), -1n],
    ['value: expected i64, got bigint 9223372036854775808', i64(), 2n ** 63n],
    ['value: expected f32, got number 1e+300', f32(), 1e300],
    ['value: expected boolean, got number 0', boolean(), 0],
    ['value: expected timestamp (a Date), got an invalid Date', timestamp(), new Date(Number.NaN)],
    ['value: expected bytes (a Uint8Array), got object Uint16Array', bytes(), new Uint16Array(1)],
    ['value: expected at most 2 bytes, got 3', bytes({ maxLength: 2 }), new Uint8Array(3)],
    ['value: expected string, got one with a lone surrogate', string(), 'x\ud800'],
    ['value: expected string of at most 2 characters, got string "xyz"', string({ maxLength: 2 }), 'xyz'],
    ['value: expected array of at most 1 items, got one of 2', array(u8(), { maxItems: 1 }), [1, 2]],
    ['a.b: expected u8, got string "x"', record(struct({ b: u8() })), { a: { b: 'x' } }],
    ['["5"]: expected u8, got number -1', map(u8(), u8()), new Map([[5, -1]])],
    ['value: expected map (a Map), got object Object', map(u8(), u8()), {}],
    ['t: expected one of "a", got undefined', union('t', { a: struct({}) }), {}],
    ['value: msgpack: cannot encode a function', unknown(), () => 1],
  ])('%s', (message, shape, value) => {
    expect(refusal(shape, value)).toBe(message);
    const result = shape['~standard'].validate(value);
    expect(result.issues?.map((issue) => message.endsWith(`: ${issue.message}`))).toStrictEqual([true]);
  });

  it.each<[string, Shape, unknown]>([
    ['legs[1].price: expected f64, got string "x"', order, { ...good, legs: [{ price: 1 }, { price: 'x' }] }],
    ['side: expected one of "buy", "sell", got string "hold"', order, { ...good, side: 'hold' }],
    ['id: expected u32, got nothing', order, { side: 'buy', legs: [] }],
    ['id: expected u32, got nil', order, { ...good, id: null }],
    ['id: expected u32, got number 1.5', order, { ...good, id: 1.5 }],
    ['note: expected string, got boolean true', order, { ...good, note: true }],
    ['legs: expected array, got map of 0', order, { ...good, legs: {} }],
    ['value: expected struct, got 2 bytes', order, new Uint8Array(2)],
    ['value: expected u8, got number 256', u8(), 256],
    ['value: expected f64, got bigint 9007199254740993', f64(), 2n ** 53n + 1n],
    ['value: expected string of at most 2 characters, got a longer one', string({ maxLength: 2 }), 'xyz'],
    ['value: expected at most 2 bytes, got 3', bytes({ maxLength: 2 }), new Uint8Array(3)],
    ['a: expected one of "b", got string "c"', union('a', { b: struct({}) }), { a: 'c' }],
    ['a: expected struct with "a" one of "b", got nothing', union('a', { b: struct({}) }), {}],
    ['a: expected u8, got number -1', record(u8()), { a: -1 }],
    ['value: expected timestamp, got string "x"', timestamp(), 'x'],
  ])('%s, in bytes', (message, shape, value) => {
    expect(
      decodingRefusal(shape, value).replace(
        'struct with "a" one of "b", got string',
        'one of "b", got string',
      ),
    ).toBe(message);
  });

  it('includes bytes that end early, and bytes that follow, at every place', () => {
    const codec = codecOf(order) as Codec<unknown>;
    const whole = encoded(codec, { ...good, note: 'hello' });
    for (let end = 0; end < whole.length; end += 1) {
      expect(failure(() => codec.decode(whole, 0, end)).code).toBe('UNDECODABLE');
    }
    expect(failure(() => decoded(codec, Uint8Array.of(...whole, 0xc0))).message).toBe(
      'value: 1 bytes follow it',
    );
  });

  it('includes what throws while it is read', () => {
    const hostile = {
      get id(): number {
        throw new RangeError('not today');
      },
    };
    expect(refusal(order, hostile)).toBe('value: not today');
  });
});

describe('decoding', () => {
  it('takes fields in any order, further fields, missing optional ones, and nil for those', () => {
    const codec = codecOf(order) as Codec<unknown>;
    const other = {
      x: [1, { y: new Date(0) }],
      note: null,
      legs: [{ z: 'z', price: 187 }],
      side: 'buy',
      id: 1,
    };
    expect(decoded(codec, encoded(msgpack(), other))).toStrictEqual({
      id: 1,
      side: 'buy',
      legs: [{ price: 187 }],
    });
    const keys = new Map<unknown, unknown>([[5, 'five'], ...Object.entries(good)]);
    expect(decoded(codec, encoded(msgpack(), keys))).toStrictEqual(good);
  });

  it('takes the last of equal keys', () => {
    const bytes = Uint8Array.of(0x82, 0xa1, 0x61, 1, 0xa1, 0x61, 2);
    expect(decoded(codecOf(struct({ a: u8() })), bytes)).toStrictEqual({ a: 2 });
  });

  it('takes a tag anywhere, and an array with more or fewer values', () => {
    const shape = union('type', { a: struct({ x: u8() }), b: struct({ y: optional(u8()) }) });
    const other = { y: 5, type: 'b' };
    expect(decoded(codecOf(shape), encoded(msgpack(), other))).toStrictEqual({ type: 'b', y: 5 });
    const asArray = codecOf(shape, { layout: 'array' });
    expect(decoded(asArray, encoded(msgpack(), ['b']))).toStrictEqual({ type: 'b' });
    expect(decoded(asArray, encoded(msgpack(), ['a', 1, 'more']))).toStrictEqual({ type: 'a', x: 1 });
  });

  it('gives memory of its own, unless a view is asked for', () => {
    const source = encoded(msgpack(), { copied: Uint8Array.of(1), seen: Uint8Array.of(2) });
    const codec = codecOf(struct({ copied: bytes(), seen: bytes({ copy: false }) }));
    const { copied, seen } = codec.decode(source, 0, source.length);
    expect(copied.buffer).not.toBe(source.buffer);
    expect(seen.buffer).toBe(source.buffer);
    source.fill(9);
    expect([copied[0], seen[0]]).toStrictEqual([1, 9]);
  });

  it('refuses strings that are not UTF-8 when asked to', () => {
    const bytes = Uint8Array.of(0xa2, 0xc3, 0x28);
    expect(decoded(codecOf(string()), bytes)).toBe('\ufffd(');
    expect(failure(() => decoded(codecOf(string(), { strictUtf8: true }), bytes)).message).toBe(
      'value: expected string, got one that is not UTF-8',
    );
    const replacement = encoded(msgpack(), ['\ufffd', 'é']);
    expect(decoded(codecOf(array(string()), { strictUtf8: true }), replacement)).toStrictEqual([
      '\ufffd',
      'é',
    ]);
  });

  it('keeps short strings apart that differ in a NUL or in their length', () => {
    const texts = [
      '',
      '\0',
      '\0\0',
      'a',
      '\0a',
      'a\0',
      'abcd',
      'abcde',
      '\0abcd',
      'abcdefgh',
      'abcdefg',
      'abcdefghi',
      'é',
      'Ã©',
    ];
    const codec = codecOf(array(string()));
    for (let round = 0; round < 3; round += 1) {
      expect(decoded(codec, encoded(codec, texts))).toStrictEqual(texts);
    }
  });
});

describe('names that a program could take for something else', () => {
  const names = [
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    '__defineGetter__',
    '',
    '"',
    "'",
    '\\',
    '`',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what a careless generator would put in.
    '${globalThis.injected = 1}',
    '"];globalThis.injected = 1;//',
    '*/globalThis.injected = 1;/*',
    '\n',
    '\u2028\u2029',
    'f0',
    'v',
    'o',
    'n',
  ];

  it.each(['map', 'array'] as const)('are names and nothing else, structs as %s', (layout) => {
    const shape = struct(Object.fromEntries(names.map((name) => [name, optional(oneOf('x', name || 'y'))])));
    const codec = codecOf(shape, { layout });
    const value = Object.fromEntries(names.map((name) => [name, name || 'y'] as const));
    expect(Object.entries(decoded(codec, encoded(codec, value)) as object)).toStrictEqual(
      Object.entries(value),
    );
    // What every object inherits under those names is not taken for a field.
    expect(decoded(codec, encoded(codec, {}))).toStrictEqual({});
    const tagged = codecOf(union('constructor', { '"];throw 1;//': struct({}) }), { layout });
    expect(
      Object.entries(decoded(tagged, encoded(tagged, { constructor: '"];throw 1;//' })) as object),
    ).toHaveLength(1);
    expect(Reflect.has(globalThis, 'injected')).toBe(false);
  });

  it('reach no prototype', () => {
    expect(failure(() => struct({ ['__proto__']: u8() })).code).toBe('INVALID_SHAPE');
    const bytes = Uint8Array.of(0x81, 0xa9, ...Buffer.from('__proto__'), 0x81, 0xa1, 0x61, 1);
    const inner = record(u8());
    expect(failure(() => decoded(codecOf(record(inner)), bytes)).message).toBe(
      '__proto__: a key that is not allowed',
    );
    expect(decoded(codecOf(map(string(), inner)), bytes)).toStrictEqual(new Map([['__proto__', { a: 1 }]]));
    expect(decoded(codecOf(struct({ a: optional(u8()) })), bytes)).toStrictEqual({});
    expect(refusal(record(inner), JSON.parse('{"__proto__": {"a": 1}}'))).toContain('__proto__');
    expect(Reflect.has({}, 'a')).toBe(false);
  });
});

describe('limits', () => {
  it.each<[string, Shape, ShapeOptions, unknown]>([
    ['string of at most 3 bytes', string(), { maxTextBytes: 3 }, 'abcd'],
    ['string of at most 3 bytes', string(), { maxTextBytes: 3 }, 'éé'],
    ['at most 3 bytes', bytes(), { maxBinaryBytes: 3 }, new Uint8Array(4)],
    ['array of at most 3 items', array(u8()), { maxItems: 3 }, [1, 2, 3, 4]],
    ['map of at most 1 entries', record(u8()), { maxItems: 1 }, { a: 1, b: 2 }],
    ['at most 10 bytes', array(string()), { maxSize: 10 }, ['aaaaa', 'bbbbb']],
    ['nested deeper than 2 levels', unknown(), { maxDepth: 2 }, [[[]]]],
  ])('%s', (expected, shape, options, value) => {
    expect(refusal(shape, value, options)).toContain(expected);
    expect(decodingRefusal(shape, value, options)).toContain(expected);
    const codec = codecOf(shape);
    expect(decoded(codec, encoded(codec, value))).toStrictEqual(value);
  });

  it('hold for what is skipped, and for the shape itself', () => {
    const deep = { deep: [[[[]]]], a: 1 };
    expect(decodingRefusal(struct({ a: u8() }), deep, { maxDepth: 2 })).toContain('nested too deep');
    const shape = array(array(array(u8())));
    expect(failure(() => codecOf(shape, { maxDepth: 3 })).message).toBe(
      'the shape is nested deeper than 3 levels',
    );
    expect(codecOf(shape, { maxDepth: 4 }).generated).toBe(true);
  });

  it('let no count of items allocate what the bytes do not hold', () => {
    for (const shape of [array(f64()), array(u8()), record(u8()), array(struct({ a: optional(u8()) }))]) {
      for (const token of [0xdd, 0xdf]) {
        expect(
          failure(() => decoded(codecOf(shape), Uint8Array.of(token, 0x00, 0x0f, 0xff, 0xff))).code,
        ).toBe('UNDECODABLE');
      }
    }
  });

  it('count characters as JSON Schema does', () => {
    const codec = codecOf(string({ maxLength: 3 }));
    for (const text of ['abc', '€€€', '😀😀😀']) expect(decoded(codec, encoded(codec, text))).toBe(text);
    expect(refusal(string({ maxLength: 3 }), '😀😀😀😀')).toContain('at most 3 characters');
  });
});

describe('values with a will of their own', () => {
  it('encodes while it encodes, and decodes what both wrote', () => {
    const codec = codecOf(struct({ a: string(), b: f64(), c: optional(u32()) }));
    let inner: unknown;
    const outer = {
      a: 'x'.repeat(50),
      get b() {
        const end = codec.encode({ a: 'inner', b: 2.5 }, target, 1000);
        inner = codec.decode(target, 1000, end);
        return 1.5;
      },
      c: 7,
    };
    expect(decoded(codec, encoded(codec, outer))).toStrictEqual({ a: 'x'.repeat(50), b: 1.5, c: 7 });
    expect(inner).toStrictEqual({ a: 'inner', b: 2.5 });
  });

  it.each([-1, 2.5, Number.NaN, '2', 2 ** 32, undefined])(
    'refuses an array that says its length is %s',
    (length) => {
      const liar = new Proxy([1, 2, 3], {
        get: (items, key) => (key === 'length' ? length : Reflect.get(items, key)),
      });
      for (const shape of [array(u8()), struct({ a: array(string()) })]) {
        expect(refusal(shape, shape.node.kind === 'struct' ? { a: liar } : liar)).toContain('expected array');
      }
    },
  );

  it('copies no more bytes than there are, whatever they say', () => {
    const liar = Object.defineProperty(new Uint8Array(100).fill(7), 'length', { value: 2 });
    expect(decoded(codecOf(bytes()), encoded(codecOf(bytes()), liar))).toStrictEqual(
      new Uint8Array(100).fill(7),
    );
    expect(refusal(bytes({ maxLength: 50 }), liar)).toBe('value: expected at most 50 bytes, got 100');
  });

  it('reads each field once while it writes', () => {
    const codec = codecOf(struct({ a: optional(u8()), b: u8() }));
    let reads = 0;
    const changing = {
      get a() {
        reads += 1;
        return reads === 1 ? 5 : undefined;
      },
      b: 6,
    };
    expect(decoded(codec, encoded(codec, changing))).toStrictEqual({ a: 5, b: 6 });
    expect(reads).toBe(1);
  });
});
