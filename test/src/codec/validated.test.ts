import {
  CodecError,
  type Infer,
  msgpack,
  type StandardSchema,
  string,
  struct,
  u32,
  validated,
} from '@mmfbus/codec';
import { type } from 'arktype';
import * as v from 'valibot';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { decoded, encoded } from './encoded.js';

interface Order {
  id: number;
  symbol: string;
  note?: string | undefined;
  legs: { price: number }[];
}

const zodOrder = z.object({
  id: z.number().int(),
  symbol: z.string(),
  note: z.string().optional(),
  legs: z.array(z.object({ price: z.number() })),
});
const valibotOrder = v.object({
  id: v.pipe(v.number(), v.integer()),
  symbol: v.string(),
  note: v.optional(v.string()),
  legs: v.array(v.object({ price: v.number() })),
});
const arktypeOrder = type({
  id: 'number.integer',
  symbol: 'string',
  'note?': 'string | undefined',
  legs: type({ price: 'number' }).array(),
});

const schemas: readonly (readonly [string, StandardSchema<Order, Order>])[] = [
  ['zod', zodOrder],
  ['valibot', valibotOrder],
  ['arktype', arktypeOrder],
];

const order: Order = { id: 1, symbol: 'AAPL', legs: [{ price: 187.25 }, { price: 0 }] };

function failure(work: () => unknown): CodecError {
  try {
    work();
  } catch (error) {
    if (error instanceof CodecError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe.each(schemas)('a schema of %s', (_name, schema) => {
  const codec = validated(schema);

  test('lets through what is valid, as plain msgpack', () => {
    expect(codec.id).toBe('msgpack');
    expect(decoded(codec, encoded(codec, order))).toStrictEqual(order);
    expect(decoded(msgpack(), encoded(codec, order))).toStrictEqual(order);
  });

  test('leaves out what is undefined, so that it is valid again', () => {
    const bytes = encoded(codec, { ...order, note: undefined });
    expect(decoded(codec, bytes)).toStrictEqual(order);
  });

  test('refuses a value, and says where', () => {
    const wrong = { ...order, legs: [{ price: 1 }, { price: 'x' }] } as unknown as Order;
    const error = failure(() => encoded(codec, wrong));
    expect(error.code).toBe('UNENCODABLE');
    expect(error.message).toContain('legs[1].price: ');
  });

  test('refuses bytes, and says where', () => {
    const error = failure(() => decoded(codec, encoded(msgpack(), { ...order, symbol: 5 })));
    expect(error.code).toBe('UNDECODABLE');
    expect(error.message).toContain('symbol: ');
  });

  test('refuses what is no msgpack, and what has no room', () => {
    expect(failure(() => decoded(codec, Uint8Array.of(0xc1))).code).toBe('UNDECODABLE');
    const { length } = encoded(codec, order);
    expect(failure(() => codec.encode(order, new Uint8Array(length - 1), 0))).toMatchObject({
      code: 'NO_ROOM',
      needed: length,
    });
  });
});

test('what the validator makes of a value is what travels', () => {
  const codec = validated(z.object({ name: z.string().trim(), count: z.number().default(3) }));
  const bytes = encoded(codec, { name: ' a ' } as { name: string; count: number });
  expect(decoded(msgpack(), bytes)).toStrictEqual({ name: 'a', count: 3 });
  expect(decoded(codec, encoded(msgpack(), { name: 'b ' }))).toStrictEqual({ name: 'b', count: 3 });
});

test('what is no plain object goes to the codec as it is', () => {
  const codec = validated(z.object({ at: z.date(), bytes: z.instanceof(Uint8Array) }));
  const value = { at: new Date(5), bytes: Uint8Array.of(1, 2) };
  expect(decoded(codec, encoded(codec, value))).toStrictEqual(value);
});

test('a validator that does not take what it makes is found out on encoding', () => {
  const codec = validated(z.string().transform((text) => text.length));
  expect(failure(() => encoded(codec, 5)).code).toBe('UNENCODABLE');
});

test.each([
  ['zod', z.string().refine(async () => true)],
  [
    'valibot',
    v.pipeAsync(
      v.string(),
      v.checkAsync(async () => true),
    ),
  ],
])('an asynchronous validator of %s is refused', (_name, schema) => {
  const codec = validated(schema as StandardSchema<string, string>);
  const onEncoding = failure(() => encoded(codec, 'x'));
  expect([onEncoding.code, onEncoding.message]).toStrictEqual([
    'UNENCODABLE',
    'the validator is asynchronous, and a codec cannot wait',
  ]);
  expect(failure(() => decoded(codec, encoded(msgpack(), 'x'))).code).toBe('UNDECODABLE');
});

test('a validator that throws, and one that rejects, end nothing but the call', async () => {
  const standard = (validate: () => never | Promise<never>): StandardSchema<unknown, unknown> => ({
    '~standard': { version: 1, vendor: 'test', validate },
  });
  const throwing = validated(
    standard(() => {
      throw new RangeError('out of order');
    }),
  );
  expect(failure(() => encoded(throwing, 1)).message).toBe('the validator threw: out of order');
  const rejecting = validated(standard(() => Promise.reject(new Error('later'))));
  expect(failure(() => encoded(rejecting, 1)).message).toContain('asynchronous');
  await new Promise((resolve) => setImmediate(resolve));
});

test('a value that contains itself is refused', () => {
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;
  expect(failure(() => encoded(validated(z.unknown()), circle)).code).toBe('UNENCODABLE');
});

test('a shape is a validator like any other', () => {
  const shape = struct({ id: u32(), symbol: string() });
  const codec = validated(shape);
  expectTypeOf(codec.decode).returns.toEqualTypeOf<Infer<typeof shape>>();
  expect(decoded(codec, encoded(codec, { id: 1, symbol: 'x' }))).toStrictEqual({ id: 1, symbol: 'x' });
  expect(failure(() => encoded(codec, { id: -1, symbol: 'x' })).message).toBe(
    'id: expected u32, got number -1',
  );
});

test('the types of the values are those that the schemas have', () => {
  expectTypeOf(validated(zodOrder).decode).returns.toEqualTypeOf<z.output<typeof zodOrder>>();
  expectTypeOf(validated(valibotOrder).decode).returns.toEqualTypeOf<v.InferOutput<typeof valibotOrder>>();
  expectTypeOf(validated(arktypeOrder).decode).returns.toEqualTypeOf<typeof arktypeOrder.infer>();
});
