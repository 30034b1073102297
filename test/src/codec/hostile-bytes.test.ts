import assert from 'node:assert/strict';
import { CodecError, canonicalText, codecOf, msgpack, type Shape } from '@mmfbus/codec';
import fc from 'fast-check';
import { addExtension, Unpackr } from 'msgpackr';
import { expect, test } from 'vitest';
import { createRandom } from '../support/random.js';
import { decoded, encoded } from './encoded.js';
import { mutate, SURROUNDED_START, surrounded } from './mutations.js';
import { fromPlain } from './plain.js';
import { shapedValues } from './random-shapes.js';

const SEED = Number(process.env['CODEC_TEST_SEED'] ?? 20_261_123);
const SHAPES = 500;
const ROUNDS = Number(process.env['CODEC_TEST_ROUNDS'] ?? 50);

/** Keeps msgpackr's own extensions out of reach, and what is not exactly one value. */
const guard = msgpack();
const oracle = new Unpackr({ useRecords: false, mapsAsObjects: false, int64AsType: 'auto' as 'bigint' });

// msgpackr itself rounds what lies below a millisecond. Ours is cut before msgpackr gets it.
addExtension({
  type: 0xff,
  unpack: (data: Buffer) => {
    const [nanoseconds, seconds] =
      data.length === 4
        ? [0n, BigInt(data.readUint32BE())]
        : data.length === 8
          ? [data.readBigUint64BE() >> 34n, data.readBigUint64BE() & 0x3_ffff_ffffn]
          : [BigInt(data.readUint32BE()), data.readBigInt64BE(4)];
    return new Date(Number(seconds * 1000n + nanoseconds / 1_000_000n));
  },
} as never);

/** What the shape makes of bytes by way of msgpackr: as bytes of ours, which can be compared; undefined for a refusal. */
function meant(shape: Shape, bytes: Uint8Array): Uint8Array | undefined {
  try {
    decoded(guard, bytes);
    return encoded(codecOf(shape), fromPlain(shape.node, oracle.unpack(bytes)));
  } catch {
    return undefined;
  }
}

function decodeAmidOthers(shape: Shape, source: Uint8Array, length: number): unknown {
  try {
    return codecOf(shape).decode(source, SURROUNDED_START, SURROUNDED_START + length);
  } catch (error) {
    if (error instanceof CodecError && error.code === 'UNDECODABLE') return undefined;
    throw error;
  }
}

test(`${SHAPES * ROUNDS} times bytes that were changed are refused, or mean what msgpackr reads in them`, () => {
  const random = createRandom(SEED);
  let accepted = 0;
  for (const [index, { shape, values }] of fc
    .sample(shapedValues, { seed: SEED, numRuns: SHAPES })
    .entries()) {
    const originals = values
      .map((value) => encoded(codecOf(shape), value))
      .filter(({ length }) => length < 2_000);
    if (originals.length === 0) originals.push(Uint8Array.of(0xc0));
    for (let round = 0; round < ROUNDS; round += 1) {
      const bytes = mutate(random, originals[random(originals.length)]!);
      const where = () =>
        `seed ${SEED}, shape ${index}, round ${round}: ${Buffer.from(bytes).toString('hex')} as ${canonicalText(shape)}`;
      try {
        const value = decodeAmidOthers(shape, surrounded(random, bytes), bytes.length);
        const expected = meant(shape, bytes);
        if (value === undefined) {
          if (expected !== undefined) throw new Error('what msgpackr reads fits, and was refused');
          continue;
        }
        accepted += 1;
        // It may be more tolerant than msgpackr and our check before it, in what it skips.
        if (expected !== undefined) assert.deepStrictEqual(encoded(codecOf(shape), value), expected);
      } catch (error) {
        throw new Error(where(), { cause: error });
      }
    }
  }
  expect(accepted).toBeGreaterThan((SHAPES * ROUNDS) / 100);
});
