import assert from 'node:assert/strict';
import { CodecError, canonicalText, codecOf, codecOfText, difference, shapeFromText } from '@mmfbus/codec';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decoded, encoded } from './encoded.js';
import { shapedValues } from './random-shapes.js';

const SEED = Number(process.env['CODEC_TEST_SEED'] ?? 20_261_123);
const RUNS = { seed: SEED, numRuns: 300 };

test('the text of a shape that was read from a text is that text', () => {
  fc.assert(
    fc.property(shapedValues, ({ shape }) => {
      const text = canonicalText(shape);
      const read = shapeFromText(text);
      expect(canonicalText(read)).toBe(text);
      expect(difference(shape, canonicalText(read))).toBeUndefined();
    }),
    RUNS,
  );
});

test.each([
  ['map', 'msgpack'],
  ['array', 'msgpack-array'],
] as const)(
  'values of random shapes, structs as %s, lose nothing when their text is all that is known',
  (layout, id) => {
    fc.assert(
      fc.property(shapedValues, ({ shape, values }) => {
        const codec = codecOf(shape, { layout });
        const other = codecOfText(id, canonicalText(shape));
        for (const value of values) {
          const bytes = encoded(codec, value);
          const again = encoded(other, decoded(other, bytes));
          assert.deepStrictEqual(decoded(codec, again), decoded(codec, bytes));
        }
      }),
      RUNS,
    );
  },
);

test('a text that was changed anywhere gives a shape, or is refused with INVALID_SHAPE', () => {
  const part = fc.oneof(
    fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '"',
      ',',
      ':',
      '{}',
      '[]',
      '-1',
      '1e999',
      'null',
      '"u8"',
      '"__proto__"',
    ),
    fc.string({ maxLength: 3 }),
  );
  let read = 0;
  let refused = 0;
  fc.assert(
    fc.property(shapedValues, fc.nat(), fc.nat({ max: 4 }), part, ({ shape }, place, length, inserted) => {
      const text = canonicalText(shape);
      const start = place % (text.length + 1);
      const changed = text.slice(0, start) + inserted + text.slice(start + length);
      try {
        // What is read is a shape in full: it has a text of its own, which is read as well.
        const own = canonicalText(shapeFromText(changed));
        expect(canonicalText(shapeFromText(own))).toBe(own);
        read += 1;
      } catch (error) {
        if (!(error instanceof CodecError)) throw error;
        expect(error.code).toBe('INVALID_SHAPE');
        expect(error.message.length).toBeLessThan(400);
        refused += 1;
      }
    }),
    { ...RUNS, numRuns: 2_000 },
  );
  expect(Math.min(read, refused)).toBeGreaterThan(100);
});

test('any JSON in place of a part gives a shape, or is refused with INVALID_SHAPE', () => {
  const kinds = [
    'u8',
    'i64',
    'string',
    'bytes',
    'oneOf',
    'nullable',
    'array',
    'map',
    'struct',
    'union',
    'of',
    'min',
  ];
  const term = fc.letrec((tie) => ({
    term: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom(...kinds, 'optional', '__proto__', 0, -1, 2 ** 40, 1.5, null, true),
      fc.array(tie('term'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...kinds, 'maxItems', 'maxLength', 'max', '__proto__'), tie('term'), {
        maxKeys: 2,
      }),
    ),
  })).term;
  fc.assert(
    fc.property(term, (shape) => {
      try {
        const own = canonicalText(shapeFromText(JSON.stringify({ version: 1, shape })));
        expect(canonicalText(shapeFromText(own))).toBe(own);
      } catch (error) {
        if (!(error instanceof CodecError)) throw error;
        expect(error.code).toBe('INVALID_SHAPE');
      }
    }),
    { ...RUNS, numRuns: 3_000 },
  );
});
