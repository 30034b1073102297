import { describe, expect, it } from 'vitest';
import {
  array,
  boolean,
  bytes,
  canonicalText,
  codecOf,
  type DifferenceOptions,
  difference,
  f32,
  f64,
  i16,
  i64,
  map,
  nullable,
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
} from '../index.js';

function compare(here: Shape, there: Shape, options?: DifferenceOptions): string | undefined {
  return difference(here, canonicalText(there), options);
}

const before = struct({ id: u32(), legs: array(struct({ price: u32() })) });

describe('difference', () => {
  it('finds none between equal shapes, and with added optional fields, in both directions', () => {
    const added = struct({
      id: u32(),
      legs: array(struct({ price: u32(), note: optional(string()) })),
      more: optional(u8()),
    });
    expect(compare(before, before)).toBeUndefined();
    expect(compare(before, added)).toBeUndefined();
    expect(compare(added, before)).toBeUndefined();
    expect(codecOf(before).schema.difference(canonicalText(added))).toBeUndefined();
    expect(codecOf(before, { layout: 'array' }).schema.difference(canonicalText(added))).toBeUndefined();
  });

  it('finds none between those that are the same bytes', () => {
    expect(compare(u64({ as: 'number' }), u64())).toBeUndefined();
    expect(compare(record(u8()), map(string(), u8()))).toBeUndefined();
  });

  it('compares the order of fields only where it counts', () => {
    const one = struct({ a: u8(), b: optional(u8()) });
    const other = struct({ b: optional(u8()), a: u8() });
    expect(compare(one, other)).toBeUndefined();
    expect(compare(one, other, { layout: 'array' })).toBe('[0]: "b" there, "a" here');
    expect(codecOf(one, { layout: 'array' }).schema.difference(canonicalText(other))).toBe(
      '[0]: "b" there, "a" here',
    );
  });

  it.each<[string, Shape, Shape]>([
    [
      'legs[].price: f64 there, u32 here',
      before,
      struct({ id: u32(), legs: array(struct({ price: f64() })) }),
    ],
    ['id: nothing there, u32 here', before, struct({ legs: array(struct({ price: u32() })) })],
    [
      'id: optional u32 there, u32 here',
      before,
      struct({ id: optional(u32()), legs: array(struct({ price: u32() })) }),
    ],
    ['more: u8 there, nothing here', struct({}), struct({ more: u8() })],
    ['value: string there, struct here', before, string()],
    ['value: u8 or null there, u8 here', u8(), nullable(u8())],
    ['value: one of "a", "b", "c" there, one of "a", "b" here', oneOf('a', 'b'), oneOf('a', 'b', 'c')],
    ['value: array there, array of at most 3 items here', array(u8(), { maxItems: 3 }), array(u8())],
    [
      '(t "b"): struct there, nothing here',
      union('t', { a: struct({}) }),
      union('t', { a: struct({}), b: struct({}) }),
    ],
    [
      'value: union by "kind" there, union by "t" here',
      union('t', { a: struct({}) }),
      union('kind', { a: struct({}) }),
    ],
    [
      '(t "a").x: u16 there, u8 here',
      union('t', { a: struct({ x: u8() }) }),
      union('t', { a: struct({ x: u16() }) }),
    ],
    ['{key}: i16 there, string here', map(string(), u8()), map(i16(), u8())],
    ['{}: u8 there, boolean here', record(boolean()), record(u8())],
  ])('says %s', (text, here, there) => {
    expect(compare(here, there)).toBe(text);
  });

  /** What the first can read of the second, and not the other way round. */
  it.each<[string, Shape, Shape]>([
    ['wider integers', u32(), u16()],
    ['wider integers with a sign', i64(), u32()],
    ['wider ranges', u8({ max: 10 }), u8({ max: 9 })],
    ['wider floats', f64(), f32()],
    ['floats for integers that they hold', f64(), u32()],
    ['narrow floats for narrow integers', f32(), u16()],
    ['more strings', oneOf('a', 'b'), oneOf('a')],
    ['any string', string(), oneOf('a', 'b')],
    ['longer strings', string({ maxLength: 5 }), string({ maxLength: 4 })],
    ['more bytes', bytes(), bytes({ maxLength: 4 })],
    ['more items', array(u8()), array(u8(), { maxItems: 4 })],
    ['what may be null', nullable(timestamp()), timestamp()],
    ['what may be missing', struct({ a: optional(u8()) }), struct({ a: u8() })],
    ['fewer fields', struct({}), struct({ a: u8() })],
    ['more variants', union('t', { a: struct({}), b: struct({}) }), union('t', { a: struct({}) })],
    ['anything', unknown(), before],
  ])('lets a reader have %s', (_name, reader, writer) => {
    expect(compare(reader, writer, { direction: 'read' })).toBeUndefined();
    expect(compare(writer, reader, { direction: 'write' })).toBeUndefined();
    expect(compare(reader, writer, { direction: 'write' })).toBeTypeOf('string');
    expect(compare(writer, reader, { direction: 'read' })).toBeTypeOf('string');
    expect(compare(reader, writer)).toBeTypeOf('string');
  });

  it('shows what another side made up in one short line', () => {
    const name = `\n${'x'.repeat(5_000)}`;
    const found = compare(struct({}), struct({ [name]: oneOf(name) })) ?? '';
    expect(found).toMatch(/^\["\\nx+"…\]: one of "\\nx+"… there, nothing here$/);
    expect(found.length).toBeLessThan(500);
  });

  it('does not take what only looks wider', () => {
    expect(compare(f64(), i64(), { direction: 'read' })).toBe('value: i64 there, f64 here');
    expect(compare(f32(), u32(), { direction: 'read' })).toBe('value: u32 there, f32 here');
    expect(compare(record(u8()), struct({ a: u8() }), { direction: 'read' })).toBe(
      'value: struct there, map here',
    );
  });
});
