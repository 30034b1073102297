// What other programs publish is shown on a terminal: no value may do anything there.
import { canonicalText, codecOf, codecOfText } from '@mmfbus/codec';
import { quoted, valueLine } from '@mmfbus/terminal';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decoded, encoded } from './encoded.js';
import { shapedValues } from './random-shapes.js';

const SEED = Number(process.env['CODEC_TEST_SEED'] ?? 20_261_123);
const RUNS = { seed: SEED, numRuns: 500 };

const HARMLESS = /^[^\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]*$/u;

test('values of random shapes, known by their text alone, are one harmless line', () => {
  fc.assert(
    fc.property(shapedValues, fc.integer({ min: 1, max: 300 }), ({ shape, values }, maxLength) => {
      const codec = codecOfText('msgpack', canonicalText(shape));
      for (const value of values) {
        const read = decoded(codec, encoded(codecOf(shape), value));
        const whole = valueLine(read, { maxLength: Infinity });
        const line = valueLine(read, { maxLength });
        expect(whole).toMatch(HARMLESS);
        expect(line).toMatch(HARMLESS);
        expect(line.length).toBeLessThanOrEqual(maxLength);
        expect(line === whole || whole.startsWith(line.slice(0, -1))).toBe(true);
      }
    }),
    RUNS,
  );
});

test('any value at all is one harmless line', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.nat({ max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
  );
  const value = fc.anything({
    key: text,
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSparseArray: true,
    withTypedArray: true,
    withNullPrototype: true,
    values: [text, fc.double(), fc.boolean(), fc.constant(null), fc.constant(undefined)],
  });
  fc.assert(
    fc.property(value, (some) => {
      expect(valueLine(some)).toMatch(HARMLESS);
    }),
    RUNS,
  );
});

test('any string is a string of JSON that is the same', () => {
  const units = fc.string({
    unit: fc.nat({ max: 0xffff }).map((unit) => String.fromCharCode(unit)),
    maxLength: 40,
  });
  fc.assert(
    fc.property(units, (text) => {
      expect(quoted(text)).toMatch(HARMLESS);
      expect(JSON.parse(quoted(text))).toBe(text);
    }),
    { ...RUNS, numRuns: 3_000 },
  );
});
