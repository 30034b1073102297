import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  array,
  boolean,
  bytes,
  type Codec,
  CodecError,
  codecOf,
  f32,
  f64,
  fromJsonSchema,
  type Infer,
  i64,
  map,
  nullable,
  oneOf,
  optional,
  record,
  type Shape,
  type StandardSchema,
  string,
  struct,
  timestamp,
  u8,
  u64,
  union,
  unknown,
} from '../index.js';

const leg = struct({ price: f64(), side: oneOf('buy', 'sell') });
const order = struct({
  id: u8(),
  big: u64(),
  exact: i64({ as: 'number' }),
  ratio: f32(),
  open: boolean(),
  symbol: string(),
  raw: bytes(),
  at: timestamp(),
  legs: array(leg),
  owner: nullable(string()),
  note: optional(string()),
  byLevel: map(u8(), leg),
  byName: record(f64()),
  extra: unknown(),
});

interface Leg {
  price: number;
  side: 'buy' | 'sell';
}

interface Order {
  id: number;
  big: bigint;
  exact: number;
  ratio: number;
  open: boolean;
  symbol: string;
  raw: Uint8Array;
  at: Date;
  legs: Leg[];
  owner: string | null;
  note?: string | undefined;
  byLevel: Map<number, Leg>;
  byName: Record<string, number>;
  extra: unknown;
}

describe('the type of a shape', () => {
  it('is that of its values', () => {
    expectTypeOf<Infer<typeof order>>().toEqualTypeOf<Order>();
    expectTypeOf(codecOf(order)).toExtend<Codec<Order>>();
    expectTypeOf(order).toExtend<StandardSchema<Order, Order>>();
  });

  it('is a union by its tag', () => {
    const event = union('type', {
      trade: struct({ price: f64() }),
      halt: struct({ reason: optional(string()) }),
    });
    expectTypeOf<Infer<typeof event>>().toEqualTypeOf<
      { type: 'trade'; price: number } | { type: 'halt'; reason?: string | undefined }
    >();
  });

  it('is your promise where a schema comes at run time', () => {
    expectTypeOf(fromJsonSchema({})).toEqualTypeOf<Shape<unknown>>();
    expectTypeOf(fromJsonSchema<Leg>({})).toEqualTypeOf<Shape<Leg>>();
  });

  it('refuses what does not fit', () => {
    const codec = codecOf(leg);
    const target = new Uint8Array(100);
    // @ts-expect-error: a field is missing.
    const missing = () => codec.encode({ price: 1 }, target, 0);
    // @ts-expect-error: another string.
    const other = () => codec.encode({ price: 1, side: 'hold' }, target, 0);
    // @ts-expect-error: optional() is for the fields of a struct.
    const misplaced = () => array(optional(string()));
    // @ts-expect-error: a number is no bigint.
    const narrow = () => codecOf(u64()).encode(1, target, 0);
    // @ts-expect-error: the variants of a union are structs.
    const variant = () => union('type', { a: string() });
    for (const wrong of [missing, other, misplaced, narrow, variant]) expect(wrong).toThrow(CodecError);
  });
});
