import { canonicalText, codecOf, type Shape, type ShapeCodec, shapeFromText } from '@mmfbus/codec';
import { generate, type Language } from '@mmfbus/generate';
import fc from 'fast-check';
import { decoded, encoded } from '../codec/encoded.js';
import { mutate } from '../codec/mutations.js';
import { shapedValues } from '../codec/random-shapes.js';
import { createRandom } from '../support/random.js';

/** Another one is tried with this variable. */
export const SEED: number = Number(process.env['GENERATE_TEST_SEED'] ?? 20_261_123);

/** A shape, the codec that Node has for it, and some of its values. */
export interface Sample {
  readonly shape: Shape;
  readonly layout: 'map' | 'array';
  /** Refuses strings that are not UTF-8, as generated code does. */
  readonly codec: ShapeCodec<unknown>;
  readonly values: readonly unknown[];
  /** Messages that are worth a try, whether they are of the shape or not. */
  readonly edges?: readonly Uint8Array[];
  /** What the generated code calls it. */
  readonly name: string;
}

/** Random shapes, every third of them with structs as arrays, and every other one from its text. */
export function randomSamples(count: number): readonly Sample[] {
  return fc.sample(shapedValues, { seed: SEED, numRuns: count }).map(({ shape, values }, index) => {
    const sample = sampleOf(shape, values, index % 3 === 2 ? 'array' : 'map');
    return { ...(index % 2 === 1 ? fromText(sample) : sample), name: `s${index}` };
  });
}

/** The same as a program without the definition has it. */
function fromText({ shape, codec, values, layout }: Omit<Sample, 'name'>): Omit<Sample, 'name'> {
  const other = shapeFromText(canonicalText(shape));
  const read = codecOf(other, { layout });
  return sampleOf(
    other,
    values.map((value) => decoded(read, encoded(codec, value))),
    layout,
  );
}

/** A shape with values, which needs a name still. */
export function sampleOf<T>(
  shape: Shape<T>,
  values: readonly T[],
  layout: 'map' | 'array',
): Omit<Sample, 'name'> {
  const codec = codecOf<Shape<unknown>>(shape, { layout, strictUtf8: true });
  return { shape, layout, codec, values };
}

/** The code of a shape. */
export function codeOf({ shape, name, layout }: Sample, language: Language): string {
  return generate(shape, { language, name, layout });
}

/** A message for one of the samples. */
export interface Message {
  readonly sample: Sample;
  readonly index: number;
  readonly bytes: Uint8Array;
}

/** The bytes of all values of all samples, and the values. */
export function messagesOf(samples: readonly Sample[]): readonly (Message & { readonly value: unknown })[] {
  return samples.flatMap((sample, index) =>
    sample.values.map((value) => ({ sample, index, value, bytes: encoded(sample.codec, value) })),
  );
}

/** The messages at the edges of all samples, and bytes of values that were changed, `rounds` for each sample. */
export function changedMessages(samples: readonly Sample[], rounds: number): readonly Message[] {
  const random = createRandom(SEED);
  return samples.flatMap((sample, index) => {
    const short = sample.values
      .map((value) => encoded(sample.codec, value))
      .filter(({ length }) => length < 2_000);
    const originals = short.length > 0 ? short : [Uint8Array.of(0xc0)];
    const changed = Array.from({ length: rounds }, () =>
      mutate(random, originals[random(originals.length)]!),
    );
    return [...(sample.edges ?? []), ...changed].map((bytes) => ({ sample, index, bytes }));
  });
}
