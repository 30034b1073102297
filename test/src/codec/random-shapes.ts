import {
  array,
  boolean,
  bytes,
  canonicalText,
  f32,
  f64,
  i8,
  i16,
  i32,
  i64,
  map,
  nullable,
  type OptionalField,
  oneOf,
  optional,
  record,
  type Shape,
  string,
  struct,
  timestamp,
  u8,
  u16,
  u32,
  u64,
  union,
  unknown,
} from '@mmfbus/codec';
import fc from 'fast-check';

/** A shape with the values that it has. */
interface Kind {
  readonly shape: Shape;
  readonly values: fc.Arbitrary<unknown>;
}

/** A shape and some of its values. */
export interface ShapedValues {
  readonly shape: Shape;
  readonly values: readonly unknown[];
}

const { MIN_SAFE_INTEGER, MAX_SAFE_INTEGER } = Number;

/** Strings of all sizes of header; well-formed, and some with what needs two to four bytes in UTF-8. */
const texts = fc.oneof(
  { weight: 6, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
  { weight: 3, arbitrary: fc.string({ unit: 'grapheme-ascii', maxLength: 40 }) },
  { weight: 1, arbitrary: fc.constantFrom('é'.repeat(15), 'é'.repeat(16), 'a'.repeat(31), 'b'.repeat(32)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('x'.repeat(255), 'y'.repeat(256), '€'.repeat(85), '€'.repeat(100)),
  },
  { weight: 1, arbitrary: fc.constantFrom('z'.repeat(65_536), 'ä'.repeat(33_000)) },
);

/** No whole numbers: a codec without a shape makes no difference between the key 5 and the key "5". */
const names = fc.oneof(
  fc.stringMatching(/^[a-z]{1,9}$/),
  fc.constantFrom(
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    '',
    'a b',
    '"',
    '\\',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what a careless generator would put in.
    '${x}`',
    'ключ',
  ),
  fc.constantFrom('x'.repeat(31), 'y'.repeat(32), 'z'.repeat(300), '\n', '\u2028', '];throw 1;//'),
);

const wholeNumbers: readonly [Shape<number>, number, number][] = [
  [u8(), 0, 0xff],
  [u16(), 0, 0xffff],
  [u32(), 0, 0xffff_ffff],
  [i8(), -0x80, 0x7f],
  [i16(), -0x8000, 0x7fff],
  [i32(), -0x8000_0000, 0x7fff_ffff],
  [u64({ as: 'number' }), 0, MAX_SAFE_INTEGER],
  [i64({ as: 'number' }), MIN_SAFE_INTEGER, MAX_SAFE_INTEGER],
  [i32({ min: -100, max: 1000 }), -100, 1000],
  [u32({ min: 5, max: 70_000 }), 5, 70_000],
];

/** Small numbers are more frequent, and so are those where one more bit is needed. */
function wholeNumberFrom(min: number, max: number): fc.Arbitrary<number> {
  const edges = [5, 7, 8, 15, 16, 31, 32, 52].flatMap((bits) => [
    2 ** bits - 1,
    2 ** bits,
    -(2 ** bits),
    -(2 ** bits) - 1,
  ]);
  const inside = [min, max, ...edges].filter((edge) => edge >= min && edge <= max);
  const span = { min, max };
  return fc.oneof(
    fc.constantFrom(...inside),
    fc.integer(span),
    fc.integer({ ...span, max: Math.min(max, min + 300) }),
  );
}

const keys: fc.Arbitrary<Kind> = fc.constantFrom<Kind>(
  { shape: string(), values: names.filter((name) => name !== '__proto__') },
  { shape: i16(), values: wholeNumberFrom(-0x8000, 0x7fff) },
  { shape: u64(), values: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) },
  { shape: oneOf('left', 'right', 'both'), values: fc.constantFrom('left', 'right', 'both') },
);

const scalars: fc.Arbitrary<Kind> = fc.oneof(
  fc.constantFrom(...wholeNumbers).map(([shape, min, max]) => ({ shape, values: wholeNumberFrom(min, max) })),
  fc.constantFrom<Kind>(
    { shape: u64(), values: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) },
    { shape: i64(), values: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) },
    { shape: f64(), values: fc.double().map(withoutSign) },
    { shape: f32(), values: fc.float().map(withoutSign) },
    { shape: boolean(), values: fc.boolean() },
    { shape: string(), values: texts },
    { shape: string({ maxLength: 5 }), values: fc.string({ unit: 'grapheme-composite', maxLength: 2 }) },
    { shape: bytes(), values: fc.uint8Array({ maxLength: 300 }) },
    { shape: bytes({ maxLength: 40, copy: false }), values: fc.uint8Array({ maxLength: 40 }) },
    {
      shape: timestamp(),
      values: fc.oneof(
        fc.date({ noInvalidDate: true }),
        fc.constantFrom(new Date(0), new Date(2 ** 34 * 1000), new Date(1500)),
      ),
    },
    { shape: unknown(), values: fc.jsonValue({ maxDepth: 2 }).map(withoutNegativeZero) },
  ),
  fc
    .uniqueArray(fc.oneof(names, fc.constantFrom('buy', 'sell', 'x'.repeat(40))), {
      minLength: 1,
      maxLength: 20,
    })
    .map((values) => ({ shape: oneOf(...(values as [string])), values: fc.constantFrom(...values) })),
);

/** Others write -0 as 0. */
function withoutSign(value: number): number {
  return value === 0 ? 0 : value;
}

function withoutNegativeZero(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

function arrayKinds(inner: fc.Arbitrary<Kind>): fc.Arbitrary<Kind> {
  return inner.map(({ shape, values }) => ({
    shape: array(shape),
    values: fc.oneof(
      { weight: 9, arbitrary: fc.array(values, { maxLength: 4 }) },
      { weight: 1, arbitrary: fc.array(values, { minLength: 16, maxLength: 40 }) },
    ),
  }));
}

function structKinds(inner: fc.Arbitrary<Kind>, most: number): fc.Arbitrary<Kind> {
  const fields = fc.uniqueArray(fc.tuple(names, inner, fc.boolean()), {
    selector: ([name]) => name,
    maxLength: most,
    size: 'max',
  });
  return fields.map((some) => {
    const isOptional = some.map(
      ([, { shape }, wish]) => wish && shape.node.kind !== 'nullable' && shape.node.kind !== 'unknown',
    );
    const shapes = some.map(([name, { shape }], index): [string, Shape | OptionalField] => [
      name,
      isOptional[index] ? optional(shape) : shape,
    ]);
    return {
      shape: struct(Object.fromEntries(shapes)),
      values: fc.record(Object.fromEntries(some.map(([name, { values }]) => [name, values])), {
        requiredKeys: some.filter((_, index) => !isOptional[index]).map(([name]) => name),
        noNullPrototype: true,
      }),
    };
  });
}

function mapKinds(inner: fc.Arbitrary<Kind>): fc.Arbitrary<Kind> {
  return fc.tuple(keys, inner).map(([key, { shape, values }]) => ({
    shape: map(key.shape, shape),
    values: fc.array(fc.tuple(key.values, values), { maxLength: 5 }).map((entries) => new Map(entries)),
  }));
}

function recordKinds(inner: fc.Arbitrary<Kind>): fc.Arbitrary<Kind> {
  return inner.map(({ shape, values }) => ({
    shape: record(shape),
    values: fc.dictionary(names, values, { maxKeys: 5, noNullPrototype: true }),
  }));
}

function unionKinds(inner: fc.Arbitrary<Kind>, most: number): fc.Arbitrary<Kind> {
  const variants = fc.uniqueArray(fc.tuple(fc.stringMatching(/^[a-z]{1,40}$/), structKinds(inner, most)), {
    selector: ([name]) => name,
    minLength: 1,
    maxLength: 3,
  });
  return variants.map((some) => ({
    shape: union(
      '$type',
      Object.fromEntries(some.map(([name, { shape }]) => [name, shape as Shape<object>])),
    ),
    values: fc.oneof(
      ...some.map(([name, { values }]) => values.map((value) => ({ $type: name, ...(value as object) }))),
    ),
  }));
}

function kinds(depth: number): fc.Arbitrary<Kind> {
  if (depth === 0) return scalars;
  const inner = kinds(depth - 1);
  // Structs of 16 fields and more have another header. Of such structs within each other there would be no end.
  const most = depth === 1 ? 20 : 4;
  const nullables = inner.map(({ shape, values }) => ({
    shape: nullable(shape),
    values: fc.option(values, { nil: null }),
  }));
  return fc.oneof(
    { weight: 2, arbitrary: scalars },
    { weight: 1, arbitrary: nullables },
    { weight: 1, arbitrary: arrayKinds(inner) },
    { weight: 3, arbitrary: structKinds(inner, most) },
    { weight: 1, arbitrary: mapKinds(inner) },
    { weight: 1, arbitrary: recordKinds(inner) },
    { weight: 1, arbitrary: unionKinds(inner, most) },
  );
}

/** Shapes of all kinds, up to four levels deep, with values. */
export const shapedValues: fc.Arbitrary<ShapedValues> = kinds(3).chain(({ shape, values }) =>
  fc.array(values, { minLength: 1, maxLength: 4 }).map((some) => ({
    shape,
    values: some,
    [fc.toStringMethod]: () => `${canonicalText(shape)} ${fc.stringify(some)}`,
  })),
);
