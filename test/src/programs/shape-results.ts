// Prints what comes out of random shapes, values and changed bytes: first whether functions were generated, then a line for each
// shape, then one for each of as many programs whose values have no shape. The same seed gives the same lines, with and without
// generated functions.
import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import { canonicalText, codecOf, msgpack, type Shape } from '@mmfbus/codec';
import fc from 'fast-check';
import { mutate } from '../codec/mutations.js';
import { randomMake } from '../codec/random-program.js';
import { shapedValues } from '../codec/random-shapes.js';
import { createRandom } from '../support/random.js';

const MUTATIONS = 40;
/** Values of a program: more than it takes to learn what they are like. */
const VALUES = 100;
const [seed = 1, count = 1] = process.argv.slice(2).map(Number);
const target = new Uint8Array(8 * 2 ** 20);

function outcome(work: () => unknown): string {
  try {
    return inspect(work(), { depth: Infinity, maxArrayLength: null, maxStringLength: null });
  } catch (error) {
    return String(error);
  }
}

function results(shape: Shape, values: readonly unknown[], layout: 'map' | 'array'): string {
  const hash = createHash('sha256');
  const codec = codecOf(shape, { layout });
  const random = createRandom(seed);
  for (const value of values) {
    const end = codec.encode(value, target, 3);
    const bytes = target.slice(3, end);
    hash.update(bytes).update(outcome(() => codec.decode(target, 3, end)));
    for (const wrong of [
      undefined,
      null,
      [value],
      { value },
      5,
      'x',
      -1.5,
      new Map(),
      Object.create(null),
      Symbol.iterator,
    ]) {
      hash.update(outcome(() => [...target.subarray(0, Math.min(100, codec.encode(wrong, target, 0)))]));
    }
    for (let round = 0; round < MUTATIONS; round += 1) {
      const changed = mutate(random, bytes.length < 2_000 ? bytes : Uint8Array.of(0xc0));
      hash.update(outcome(() => codec.decode(changed, 0, changed.length)));
    }
  }
  return hash.digest('hex');
}

for (const [index, { shape, values }] of fc.sample(shapedValues, { seed, numRuns: count }).entries()) {
  if (index === 0) console.log(codecOf(shape).generated ? 'generated' : 'not generated');
  console.log(`${results(shape, values, 'map')} ${results(shape, values, 'array')} ${canonicalText(shape)}`);
}

function resultsOfProgram(index: number): string {
  const hash = createHash('sha256');
  const codec = msgpack();
  const random = createRandom(seed + index);
  const make = randomMake(random, 3);
  for (let count = 0; count < VALUES; count += 1) {
    const value = make(random, () => {});
    const result = outcome(() => {
      const end = codec.encode(value, target, 3);
      return [target.slice(3, end), codec.decode(target, 3, end)];
    });
    hash.update(result);
  }
  return hash.digest('hex');
}

for (let index = 0; index < count; index += 1) console.log(resultsOfProgram(index));
