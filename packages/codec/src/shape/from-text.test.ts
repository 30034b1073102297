import { describe, expect, it } from 'vitest';
import {
  array,
  bytes,
  CodecError,
  canonicalText,
  codecOf,
  codecOfText,
  i64,
  map,
  oneOf,
  record,
  type Shape,
  shapeFromText,
  string,
  struct,
  u8,
  u64,
} from '../index.js';

const documentOf = (shape: string) => `{"version":1,"shape":${shape}}`;

/** A struct of so many fields, each of the same shape. */
const fieldsOf = (count: number, field: string) =>
  `{"struct":[${Array.from({ length: count }, (_, index) => `["f${index}",${field}]`)}]}`;

function refusalOf(make: () => unknown): string {
  try {
    make();
  } catch (error) {
    if (error instanceof CodecError && error.code === 'INVALID_SHAPE') return error.message;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('shapeFromText', () => {
  it('loses nothing where the text leaves the choice', () => {
    const read = (shape: Shape) => shapeFromText(canonicalText(shape)).node;
    expect(read(u64({ as: 'number' }))).toStrictEqual(u64().node);
    expect(read(i64({ as: 'number', max: 5 }))).toStrictEqual(i64({ as: 'number', max: 5 }).node);
    expect(read(record(u8()))).toStrictEqual(map(string(), u8()).node);
    expect(read(bytes({ copy: false }))).toStrictEqual(bytes().node);
    expect(read(oneOf('b', 'a'))).toStrictEqual(oneOf('a', 'b').node);
  });

  it('gives a shape that cannot be changed', () => {
    const { node } = shapeFromText(canonicalText(array(struct({ a: array(oneOf('x')) }))));
    const frozen = (value: unknown): boolean =>
      typeof value !== 'object' ||
      value === null ||
      (Object.isFrozen(value) && Object.values(value).every(frozen));
    expect(frozen(node)).toBe(true);
  });

  it('takes white space, and any order of members and of strings', () => {
    const text = '{ "shape": {"maxItems": 3, "array": {"oneOf": ["b", "a"]}},\n "version": 1 }'.replace(
      '"maxItems": 3, "array": {"oneOf": ["b", "a"]}',
      '"array": {"oneOf": ["b", "a"]}, "maxItems": 3',
    );
    expect(canonicalText(shapeFromText(text))).toBe(canonicalText(array(oneOf('a', 'b'), { maxItems: 3 })));
  });

  it('reads what has odd names', () => {
    const odd = canonicalText(
      struct({ '"\\\n\u2028': oneOf('\u0000', '😀', '__proto__'), constructor: u8() }),
    );
    expect(canonicalText(shapeFromText(odd))).toBe(odd);
  });

  it.each([
    ['', 'it is no JSON (Unexpected end of JSON input)'],
    ['null', 'an object is missing, there is null'],
    ['{}', 'the version of the text must be 1, not undefined'],
    ['[]', 'an object is missing, there is array of 0'],
    ['{"version":2,"shape":"u8"}', 'the version of the text must be 1, not number 2'],
    ['{"version":1,"shape":"u8","more":1}', '"more" is not known beside version, shape'],
    [documentOf('"u7"'), 'value: "u7" is no kind of shape'],
    [documentOf('"constructor"'), 'value: "constructor" is no kind of shape'],
    [documentOf('null'), 'value: an object is missing, there is null'],
    [documentOf('{"__proto__":"u8"}'), 'value: "__proto__" is no kind of shape'],
    [documentOf('{}'), 'value: "" is no kind of shape'],
    [documentOf('{"u8":{"min":-1}}'), 'value: the min of u8 must be a whole number from 0 to 255, not -1'],
    [
      documentOf('{"u8":{"max":1e999}}'),
      'value: the max of u8 must be a whole number from 0 to 255, not Infinity',
    ],
    [
      documentOf('{"u8":{"min":9,"max":3}}'),
      'value: the max of u8 must be a whole number from 9 to 255, not 3',
    ],
    [
      documentOf('{"i64":{"min":-9223372036854775808}}'),
      'value: the min of i64 must be a whole number from -9007199254740991 to 9007199254740991, not -9223372036854776000',
    ],
    [documentOf('{"u8":{"step":2}}'), 'value: "step" is not known beside min, max'],
    [
      documentOf('{"string":{}}'),
      'value: maxLength must be a whole number from 0 to 4294967295, not undefined',
    ],
    [
      documentOf('{"bytes":{"maxLength":{"toString":1,"valueOf":1}}}'),
      'value: maxLength must be a whole number from 0 to 4294967295, not object Object',
    ],
    [documentOf('{"oneOf":[]}'), 'value: a list of at least 1 items is missing, there is array of 0'],
    [documentOf('{"oneOf":["\\ud800"]}'), 'value: a value of oneOf has a lone surrogate: "\\ud800"'],
    [documentOf('{"oneOf":[5]}'), 'value: oneOf takes strings, not number'],
    [documentOf('{"oneOf":["a","b","a"]}'), 'value: oneOf takes each string once: "a" is there twice'],
    [
      documentOf('{"union":"t","of":[["a",[]],["a",[]]]}'),
      'value: a union has each variant once: "a" is there twice',
    ],
    [
      documentOf('{"union":"t","of":[]}'),
      'value: a list of at least 1 items is missing, there is array of 0',
    ],
    [documentOf('{"union":5,"of":[["a",[]]]}'), 'value: the tag of a union must be a string, not number'],
    [
      documentOf('{"union":"t","of":[["a",[["t","u8"]]]]}'),
      'value: a struct has each field once: "t" is there twice',
    ],
    [documentOf('{"union":"t","of":[["a",[["b","u"]]]]}'), '(t "a").b: "u" is no kind of shape'],
    [documentOf('{"struct":[["__proto__","u8"]]}'), 'value: the name of a field cannot be "__proto__"'],
    [
      documentOf('{"struct":[["a","u8"],["a","u8"]]}'),
      'value: a struct has each field once: "a" is there twice',
    ],
    [
      documentOf('{"struct":[["a","u8","maybe"]]}'),
      'a: what follows a field must be "optional", not string "maybe"',
    ],
    [documentOf('{"struct":[["a"]]}'), 'a: a list of 2 to 3 items is missing, there is array of 1'],
    [documentOf('{"struct":[7]}'), '[0]: a list of 2 to 3 items is missing, there is number 7'],
    [documentOf('{"struct":[[5,"u8"]]}'), 'value: the name of a field must be a string, not number'],
    [documentOf('{"map":["f64","u8"]}'), 'value: the keys of a map are strings or integers, not float'],
    [documentOf('{"map":["string"]}'), 'value: a list of 2 items is missing, there is array of 1'],
    [documentOf('{"map":["string",{"map":["string","u"]}]}'), '{}{}: "u" is no kind of shape'],
    [documentOf('{"array":"u8","more":1}'), 'value: "more" is not known beside array, maxItems'],
    [
      documentOf('{"struct":[["legs",{"array":{"struct":[["a b",{"nullable":"f128"}]]}}]]}'),
      'legs[]["a b"]: "f128" is no kind of shape',
    ],
    [`"${'x'.repeat(2 ** 20)}"`, 'the text of a shape has at most 1048576 characters, not 1048578'],
  ])('is refused, and it says why: %#', (text, message) => {
    expect(refusalOf(() => shapeFromText(text))).toBe(message);
    expect(codecOf(u8()).schema.difference(text)).toBe(`the text there is no shape: ${message}`);
  });

  it.each([
    [`{"array":`, '}', 'nested deeper than 256 levels'],
    [`{"struct":[["${'x'.repeat(100)}",`, ']]}', 'nested deeper than 256 levels'],
    [`{"union":"t","of":[["a",[["b",`, ']]]]}', 'nested deeper than 256 levels'],
    [`[`, ']', 'an object is missing, there is array of 1'],
    [`{"u8":{"min":`, '}}', 'not object Object'],
  ])('is refused in a short line when it nests without end: %s', (open, close, message) => {
    const text = documentOf(`${open.repeat(6_000)}"u8"${close.repeat(6_000)}`);
    const found = refusalOf(() => shapeFromText(text));
    expect(found).toContain(message);
    expect(found.length).toBeLessThan(200);
  });

  it('is read up to the depth that codecs take', () => {
    for (const [open, close, each] of [
      ['{"array":', '}', 1],
      ['{"struct":[["a",', ']]}', 1],
      ['{"union":"t","of":[["a",[["b",', ']]]]}', 2],
    ] as const) {
      const nested = (count: number) => documentOf(`${open.repeat(count)}"u8"${close.repeat(count)}`);
      const most = Math.floor(255 / each);
      const shape = shapeFromText(nested(most));
      expect(canonicalText(shape)).toBe(nested(most));
      expect(codecOf(shape, { maxDepth: 256 }).id).toBe('msgpack');
      expect(() => shapeFromText(nested(most + 1))).toThrow('deeper than 256 levels');
    }
  });

  it('is refused in a short line when its names are long', () => {
    const long = 'x'.repeat(500_000);
    for (const shape of [
      `"${long}"`,
      `{"${long}":1}`,
      `{"u8":{"${long}":1}}`,
      `{"u8":{"min":"${long}"}}`,
      `{"struct":[["${long}","u"]]}`,
      `{"struct":[["a","u8","${long}"]]}`,
      `{"oneOf":["${long}\\ud800"]}`,
      `{"oneOf":["${long}","${long}"]}`,
      `{"union":"${long}","of":[["${long}",[["a","u"]]]]}`,
    ]) {
      expect(refusalOf(() => shapeFromText(documentOf(shape))).length).toBeLessThan(250);
    }
    expect(refusalOf(() => shapeFromText(`{"version":"${long}"}`)).length).toBeLessThan(100);
  });
});

describe('codecOfText', () => {
  it('says which codecs it knows none of', () => {
    expect(refusalOf(() => codecOfText('avro', undefined))).toBe(
      'what the codec "avro" writes cannot be read without it',
    );
    expect(refusalOf(() => codecOfText('msgpack-array', undefined))).toContain('"msgpack-array"');
  });

  it.each([
    ['fields', fieldsOf(60_000, '"u8"')],
    ['strings', fieldsOf(20_000, '{"oneOf":["a","b"]}')],
    ['optional fields', fieldsOf(35_000, '"u8","optional"')],
    ['structs', fieldsOf(20_000, '{"struct":[["a","u8"]]}')],
    ['unions', fieldsOf(20_000, '{"union":"t","of":[["a",[]]]}')],
    ['variants', `{"union":"t","of":[${Array.from({ length: 60_000 }, (_, index) => `["v${index}",[]]`)}]}`],
    ['choices', `{"oneOf":[${Array.from({ length: 90_000 }, (_, index) => `"v${index}"`)}]}`],
  ])('makes a codec of as many %s as a text can hold', (_, shape) => {
    for (const id of ['msgpack', 'msgpack-array']) {
      const codec = codecOfText(id, documentOf(shape));
      expect(() => codec.decode(Uint8Array.of(0xc0), 0, 1)).toThrow(
        expect.objectContaining({ code: 'UNDECODABLE' }),
      );
    }
  });
});
