import assert from 'node:assert/strict';
import { codecOf, msgpack } from '@mmfbus/codec';
import { decode, encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import { decoded, encoded } from './encoded.js';
import { fromPlain, hasNumberKeys, toPlain } from './plain.js';
import { shapedValues } from './random-shapes.js';

// toStrictEqual would take a field named "constructor" for the class of an object: so node:assert compares.
const SEED = Number(process.env['CODEC_TEST_SEED'] ?? 20_261_123);
const RUNS = { seed: SEED, numRuns: 300 };

/** Others write values as their own types tell, and we read them; they read what we write. */
const others: readonly {
  readonly name: string;
  readonly write: (plain: unknown) => Uint8Array;
  readonly read: (bytes: Uint8Array) => unknown;
  /** Whether it writes maps with keys that are no strings. */
  readonly writesMaps: boolean;
}[] = [
  {
    name: 'msgpackr',
    write: (plain) => new Packr({ useRecords: false }).pack(plain),
    read: (bytes) => decoded(msgpack(), bytes),
    writesMaps: true,
  },
  {
    name: '@msgpack/msgpack',
    write: (plain) => encode(plain, { useBigInt64: true, forceIntegerToFloat: false }),
    read: (bytes) =>
      decode(bytes, {
        useBigInt64: true,
        rawStrings: false,
        mapKeyConverter: (key) => key as string | number,
      }),
    writesMaps: false,
  },
];

describe.each(['map', 'array'] as const)('values of random shapes, structs as %s', (layout) => {
  test('come back', () => {
    fc.assert(
      fc.property(shapedValues, ({ shape, values }) => {
        const codec = codecOf(shape, { layout });
        for (const value of values) {
          const bytes = encoded(codec, value);
          assert.deepStrictEqual(decoded(codec, bytes), value);
          expect(bytes.length).toBeLessThanOrEqual(codec.maxSize);
        }
      }),
      RUNS,
    );
  });

  test('are valid, and take exactly the room that they say they need', () => {
    fc.assert(
      fc.property(shapedValues, fc.integer({ min: 0, max: 20 }), ({ shape, values }, offset) => {
        const codec = codecOf(shape, { layout });
        for (const value of values) {
          assert.deepStrictEqual(shape['~standard'].validate(value), { value });
          const { length } = encoded(codec, value);
          const exact = new Uint8Array(offset + length + 3).fill(0xaa);
          expect(codec.encode(value, exact.subarray(0, offset + length), offset)).toBe(offset + length);
          expect(exact.subarray(offset + length)).toStrictEqual(new Uint8Array(3).fill(0xaa));
          expect(() => codec.encode(value, new Uint8Array(offset + length - 1), offset)).toThrow(
            expect.objectContaining({ code: 'NO_ROOM', needed: length }),
          );
        }
      }),
      { ...RUNS, numRuns: 100 },
    );
  });
});

describe.each(others)('with $name', ({ write, read, writesMaps }) => {
  test('it reads what we write', () => {
    fc.assert(
      fc.property(shapedValues, ({ shape, values }) => {
        for (const value of values) {
          const plain = read(encoded(codecOf(shape), value));
          assert.deepStrictEqual(fromPlain(shape.node, plain), value);
        }
      }),
      RUNS,
    );
  });

  test('we read what it writes', () => {
    fc.assert(
      fc.property(shapedValues, ({ shape, values }) => {
        fc.pre(writesMaps || !hasNumberKeys(shape.node));
        for (const value of values) {
          assert.deepStrictEqual(decoded(codecOf(shape), write(toPlain(shape.node, value))), value);
        }
      }),
      RUNS,
    );
  });
});
