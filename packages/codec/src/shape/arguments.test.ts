import { describe, expect, it } from 'vitest';
import {
  array,
  bytes,
  canonicalText,
  codecOf,
  difference,
  fingerprint,
  i64,
  json,
  map,
  msgpack,
  nullable,
  oneOf,
  optional,
  raw,
  record,
  string,
  struct,
  toJsonSchema,
  u8,
  u32,
  u64,
  union,
  validated,
} from '../index.js';

/** What is wrong on purpose. */
// biome-ignore lint/suspicious/noExplicitAny: the types would refuse all of it.
type Wrong = any;

function manyFields(): Record<string, unknown> {
  const shape = u8();
  return Object.fromEntries(Array.from({ length: 0x1_0000 }, (_, index) => [`f${index}`, shape]));
}

describe('wrong arguments say what is expected:', () => {
  it.each<[string, (wrong: Wrong) => unknown, Wrong, string]>([
    [
      'codecOf',
      codecOf,
      { id: u32() },
      'what codecOf() takes must be a shape, not a plain object: write struct({ … })',
    ],
    [
      'codecOf',
      codecOf,
      u32,
      'what codecOf() takes must be a shape, not a function: write u32(), with its parentheses',
    ],
    ['codecOf', codecOf, undefined, 'what codecOf() takes must be a shape, not undefined'],
    ['codecOf', codecOf, null, 'what codecOf() takes must be a shape, not null'],
    [
      'struct',
      struct,
      { id: u32 },
      'the field "id" must be a shape, not a function: write u32(), with its parentheses',
    ],
    [
      'struct',
      struct,
      { a: { b: u8() } },
      'the field "a" must be a shape, not a plain object: write struct({ … })',
    ],
    [
      'struct',
      struct,
      undefined,
      'the fields of a struct must be an object, as in { id: u32() }, not undefined',
    ],
    ['struct', struct, [u8()], 'the fields of a struct must be an object, as in { id: u32() }, not an array'],
    ['struct', struct, u8(), 'the fields of a struct must be an object, as in { id: u32() }, not a shape'],
    ['optional', optional, 'u8', 'what is optional must be a shape, not string'],
    [
      'nullable',
      nullable,
      optional(u8()),
      'what is nullable must be a shape, and optional() is for the fields of a struct',
    ],
    [
      'record',
      record,
      u8,
      'the value of a record must be a shape, not a function: write u8(), with its parentheses',
    ],
    ['map', (wrong) => map(string(), wrong), [], 'the value of a map must be a shape, not an array'],
    [
      'union',
      (wrong) => union('t', wrong),
      null,
      'the variants of a union must be an object, as in { id: u32() }, not null',
    ],
    [
      'canonicalText',
      canonicalText,
      {},
      'what canonicalText() takes must be a shape, not a plain object: write struct({ … })',
    ],
    ['union', (wrong) => union('t', wrong), {}, 'a union has one variant at least'],
    ['oneOf', (wrong) => oneOf(...wrong), [], 'oneOf takes one string at least'],
    ['oneOf', (wrong) => oneOf(...wrong), ['a', 5], 'oneOf takes strings, not number'],
    ['oneOf', (wrong) => oneOf(...wrong), ['a', 'a'], 'oneOf takes each string once: "a" is there twice'],
    ['struct', struct, manyFields(), 'a struct has at most 65535 fields, not 65536'],
    ['fingerprint', fingerprint, 1, 'what fingerprint() takes must be a shape, not number'],
    ['toJsonSchema', toJsonSchema, undefined, 'what toJsonSchema() takes must be a shape, not undefined'],
    [
      'difference',
      (wrong) => difference(wrong, ''),
      undefined,
      'what difference() takes must be a shape, not undefined',
    ],
    [
      'validated',
      validated,
      {},
      'validated() takes a Standard Schema, as those of zod, valibot and arktype are, not an object',
    ],
    [
      'validated',
      validated,
      null,
      'validated() takes a Standard Schema, as those of zod, valibot and arktype are, not null',
    ],
  ])('%s', (_name, make, wrong, message) => {
    expect(() => make(wrong)).toThrow(
      expect.objectContaining({ name: 'CodecError', code: 'INVALID_SHAPE', message }),
    );
  });

  it.each<[string, (wrong: Wrong) => unknown, string]>([
    ['string', string, 'maxLength'],
    ['bytes', bytes, 'maxLength, copy'],
    ['u32', u32, 'min, max'],
    ['i64', i64, 'as'],
    ['array', (wrong) => array(u8(), wrong), 'maxItems'],
    ['raw', raw, 'copy'],
    ['json', json, 'maxItems'],
    ['msgpack', msgpack, 'int64, maxItems, maxDepth'],
    [
      'codecOf',
      (wrong) => codecOf(u8(), wrong),
      'layout, strictUtf8, maxDepth, maxTextBytes, maxBinaryBytes, maxItems, maxSize',
    ],
    ['difference', (wrong) => difference(u8(), '', wrong), 'direction, layout'],
  ])('the options of %s', (name, make, allowed) => {
    const refusal = (message: string) =>
      expect.objectContaining({ name: 'CodecError', code: 'INVALID_SHAPE', message });
    expect(() => make({ maxLen: 3 })).toThrow(
      refusal(`${name}() has no option "maxLen"; it takes ${allowed}`),
    );
    expect(() => make(null)).toThrow(refusal(`the options of ${name}() must be an object, not null`));
    expect(() => make('x')).toThrow(refusal(`the options of ${name}() must be an object, not string`));
  });

  it.each<[string, () => unknown, string]>([
    ['raw', () => raw({ copy: 1 as Wrong }), 'copy must be true or false, not number'],
    ['bytes', () => bytes({ copy: null as Wrong }), 'copy must be true or false, not null'],
    [
      'codecOf',
      () => codecOf(u8(), { strictUtf8: 'yes' as Wrong }),
      'strictUtf8 must be true or false, not string',
    ],
    ['u64', () => u64({ as: 'number', mix: 1 } as Wrong), 'u64() has no option "mix"; it takes as, min, max'],
    ['u64', () => u64({ as: 'text' as Wrong }), 'u64 is a "number" or a "bigint", not "text"'],
    [
      'difference',
      () => difference(u8(), '', { layout: 'row' as Wrong }),
      'layout must be "map" or "array", not "row"',
    ],
    [
      'difference',
      () => difference(u8(), '', { direction: 'up' as Wrong }),
      'direction must be "read", "write" or "both", not "up"',
    ],
  ])('a value of an option of %s', (_name, make, message) => {
    expect(make).toThrow(expect.objectContaining({ code: 'INVALID_SHAPE', message }));
  });

  it('difference, an invalid text', () => {
    expect(difference(u8(), undefined as Wrong)).toBe(
      'the text there is no shape: the text of a shape must be a string, not undefined',
    );
  });

  it.each([
    ['msgpack', msgpack()],
    ['json', json()],
    ['raw', raw()],
    ['a shape', codecOf(bytes())],
  ])('targets and sources of %s', (_name, codec) => {
    for (const wrong of [undefined, null, 'text', [1], {}] as Wrong[]) {
      expect(() => codec.encode(Uint8Array.of(1) as never, wrong, 0)).toThrow(
        expect.objectContaining({ name: 'CodecError', code: 'UNENCODABLE' }),
      );
      expect(() => codec.decode(wrong, 0, 1)).toThrow(
        expect.objectContaining({ name: 'CodecError', code: 'UNDECODABLE' }),
      );
    }
  });
});
