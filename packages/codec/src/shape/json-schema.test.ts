import { describe, expect, it } from 'vitest';
import {
  array,
  boolean,
  bytes,
  canonicalText,
  f32,
  f64,
  fromJsonSchema,
  i16,
  i64,
  type JsonSchema,
  map,
  nullable,
  oneOf,
  optional,
  record,
  type Shape,
  string,
  struct,
  timestamp,
  toJsonSchema,
  u8,
  u32,
  u64,
  union,
  unknown,
} from '../index.js';

const $schema = 'https://json-schema.org/draft/2020-12/schema';

const pairs: readonly (readonly [Shape, JsonSchema])[] = [
  [u8(), { type: 'integer', format: 'uint8', minimum: 0, maximum: 255 }],
  [i16({ min: -3, max: 3 }), { type: 'integer', format: 'int16', minimum: -3, maximum: 3 }],
  [u64(), { type: 'integer', format: 'uint64', minimum: 0 }],
  [i64(), { type: 'integer', format: 'int64' }],
  [
    u64({ as: 'number' }),
    { type: 'integer', format: 'uint64', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
  ],
  [f64(), { type: 'number', format: 'double' }],
  [f32(), { type: 'number', format: 'float' }],
  [boolean(), { type: 'boolean' }],
  [string(), { type: 'string' }],
  [string({ maxLength: 5 }), { type: 'string', maxLength: 5 }],
  [bytes(), { type: 'string', contentEncoding: 'base64' }],
  [timestamp(), { type: 'string', format: 'date-time' }],
  [oneOf('a', 'b'), { type: 'string', enum: ['a', 'b'] }],
  [oneOf('a'), { type: 'string', const: 'a' }],
  [nullable(f64()), { anyOf: [{ type: 'number', format: 'double' }, { type: 'null' }] }],
  [array(boolean(), { maxItems: 3 }), { type: 'array', items: { type: 'boolean' }, maxItems: 3 }],
  [record(string()), { type: 'object', additionalProperties: { type: 'string' } }],
  [unknown(), {}],
  [
    struct({ a: string(), b: optional(boolean()) }),
    { type: 'object', properties: { a: { type: 'string' }, b: { type: 'boolean' } }, required: ['a'] },
  ],
  [
    union('type', { x: struct({ n: string() }), y: struct({}) }),
    {
      oneOf: [
        {
          type: 'object',
          properties: { type: { type: 'string', const: 'x' }, n: { type: 'string' } },
          required: ['type', 'n'],
        },
        { type: 'object', properties: { type: { type: 'string', const: 'y' } }, required: ['type'] },
      ],
    },
  ],
];

describe('JSON Schema', () => {
  it.each(pairs)('of %o goes there and back', (shape, schema) => {
    expect(toJsonSchema(shape)).toStrictEqual({ $schema, ...schema });
    expect(fromJsonSchema(toJsonSchema(shape)).node).toStrictEqual(shape.node);
  });

  it('is given by the interface of Standard JSON Schema', () => {
    const { jsonSchema } = u8()['~standard'];
    expect(jsonSchema.input({ target: 'draft-07' })['$schema']).toBe(
      'http://json-schema.org/draft-07/schema#',
    );
    expect(jsonSchema.output({ target: 'draft-2020-12' })).toStrictEqual(toJsonSchema(u8()));
    expect(() => jsonSchema.input({ target: 'openapi-3.0' })).toThrow(
      'there is no JSON Schema "openapi-3.0"',
    );
  });

  it('tells of maps with other keys', () => {
    const values = { type: 'boolean' };
    expect(toJsonSchema(map(i16(), boolean()))).toStrictEqual({
      $schema,
      type: 'object',
      propertyNames: { pattern: '^-?[0-9]+$' },
      additionalProperties: values,
    });
    expect(toJsonSchema(map(oneOf('a', 'b'), boolean()))['propertyNames']).toStrictEqual({
      enum: ['a', 'b'],
    });
  });

  it.each<[JsonSchema, Shape]>([
    [{ type: 'integer' }, i64({ as: 'number' })],
    [{ type: 'integer', minimum: 0 }, u64({ as: 'number' })],
    [{ type: 'integer', minimum: 1, maximum: 100 }, u8({ min: 1, max: 100 })],
    [{ type: 'integer', minimum: -1, maximum: 70_000, title: 'x', description: 'y' }, fromRange()],
    [{ type: ['string', 'null'] }, nullable(string())],
    [{ type: 'string', nullable: true }, nullable(string())],
    [{ enum: ['a', 'b'] }, oneOf('a', 'b')],
    [{ const: 'a' }, oneOf('a')],
    [{ type: 'array' }, array(unknown())],
    [{ type: 'object' }, record(unknown())],
    [{ type: 'object', properties: {}, additionalProperties: false }, struct({})],
    [{ $ref: '#/$defs/Price', $defs: { Price: { type: 'number' } } }, f64()],
    [
      { type: 'array', items: { $ref: '#/definitions/a~1b' }, definitions: { 'a/b': { type: 'boolean' } } },
      array(boolean()),
    ],
  ])('%j is understood', (schema, shape) => {
    expect(canonicalText(fromJsonSchema(schema))).toBe(canonicalText(shape));
  });

  it.each<[string, JsonSchema]>([
    ['#: the keyword "pattern" has no counterpart here', { type: 'string', pattern: 'x' }],
    [
      '#/properties/a: the keyword "minimum"',
      { type: 'object', properties: { a: { type: 'number', minimum: 1 } } },
    ],
    ['#/items: the format "email"', { type: 'array', items: { type: 'integer', format: 'email' } }],
    ['#: the type "null"', { type: 'null' }],
    ['#: several types', { type: ['string', 'number'] }],
    ['#: enum and const', { enum: [1, 2] }],
    [
      '#: a choice needs a property',
      {
        oneOf: [
          { type: 'object', properties: {} },
          { type: 'object', properties: {} },
        ],
      },
    ],
    ['#: a choice between anything but objects', { anyOf: [{ type: 'string' }, { type: 'number' }] }],
    ['#: "b" is required and has no schema', { type: 'object', properties: {}, required: ['b'] }],
    ['#: required must be an array', { type: 'object', properties: {}, required: 'a' }],
    ['#: properties must be an object', { type: 'object', properties: 5 }],
    [
      '#: properties beside additionalProperties with a schema',
      { type: 'object', properties: {}, additionalProperties: { type: 'string' } },
    ],
    ['#: anyOf must be an array', { anyOf: {} }],
    ['#: nullable is not 1', { type: 'string', nullable: 1 }],
    ['#: there is nothing at "#/$defs/x"', { $ref: '#/$defs/x' }],
    [
      'it is nested deeper than 256 levels, or contains itself',
      { $ref: '#/$defs/a', $defs: { a: { type: 'array', items: { $ref: '#/$defs/a' } } } },
    ],
    ['#: the keyword "not"', { not: {} }],
    ['#/properties/a: a schema must be an object, not 5', { type: 'object', properties: { a: 5 } }],
  ])('refuses, %s', (message, schema) => {
    expect(() => fromJsonSchema(schema)).toThrow(
      expect.objectContaining({ code: 'INVALID_SHAPE', message: expect.stringContaining(message) }),
    );
  });

  it('refuses names that reach a prototype, and schemas that grow without end', () => {
    const proto = JSON.parse('{"type":"object","properties":{"__proto__":{"type":"string"}}}') as JsonSchema;
    expect(() => fromJsonSchema(proto)).toThrow('cannot be "__proto__"');
    const $defs = Object.fromEntries(
      Array.from({ length: 30 }, (_, level) => {
        const next = { $ref: `#/$defs/d${level + 1}` };
        return [`d${level}`, level === 29 ? {} : { type: 'object', properties: { a: next, b: next } }];
      }),
    );
    expect(() => fromJsonSchema({ $ref: '#/$defs/d0', $defs })).toThrow('more than 100000 schemas');
  });
});

function fromRange(): Shape {
  return fromJsonSchema({ type: 'integer', format: 'int32', minimum: -1, maximum: 70_000 });
}

it('keeps a range of 32 bits', () => {
  expect(fromRange().node).toStrictEqual({ kind: 'integer', type: 'i32', min: -1, max: 70_000 });
  expect(toJsonSchema(u32({ min: 5 }))['minimum']).toBe(5);
});
