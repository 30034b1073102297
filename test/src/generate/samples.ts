import {
  array,
  bytes,
  codecOf,
  i8,
  i64,
  map,
  nullable,
  oneOf,
  optional,
  type Shape,
  type ShapeCodec,
  string,
  struct,
  u16,
  u64,
  union,
  unknown,
} from '@mmfbus/codec';
import { generate, type Language } from '@mmfbus/generate';
import fc from 'fast-check';
import { encoded } from '../codec/encoded.js';
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
  /** What the generated code calls it. */
  readonly name: string;
}

/** Random shapes, every third of them with structs as arrays. */
export function randomSamples(count: number): readonly Sample[] {
  return fc.sample(shapedValues, { seed: SEED, numRuns: count }).map(({ shape, values }, index) => ({
    ...sampleOf(shape, values, index % 3 === 2 ? 'array' : 'map'),
    name: `s${index}`,
  }));
}

function sampleOf<T>(shape: Shape<T>, values: readonly T[], layout: 'map' | 'array'): Omit<Sample, 'name'> {
  const codec = codecOf<Shape<unknown>>(shape, { layout, strictUtf8: true });
  return { shape, layout, codec, values };
}

/** Shapes with what random ones do not have: all kinds of limits, and optional fields whose values may be null. */
export function chosenSamples(): readonly Sample[] {
  const limited = struct({
    text: string({ maxLength: 3 }),
    data: bytes({ maxLength: 4 }),
    list: array(i8({ min: -5, max: 5 }), { maxItems: 2 }),
    big: u64({ as: 'number', min: 10 }),
    small: i64({ as: 'number', max: -(2 ** 40) }),
    keys: map(u16({ min: 3, max: 300 }), oneOf('type', 'Type', 'class')),
  });
  const leveled = struct({ level: optional(nullable(limited)), kind: optional(nullable(u16())) });
  const event = union('class', { Some: struct({}), none: struct({ class_: i8() }), 'so me': leveled });
  const value = {
    text: 'ä€🏦',
    data: Uint8Array.of(1, 2, 3, 4),
    list: [-5, 5],
    big: Number.MAX_SAFE_INTEGER,
    small: Number.MIN_SAFE_INTEGER,
    keys: new Map([
      [3, 'type' as const],
      [300, 'class' as const],
    ]),
  };
  return [
    sampleOf(limited, [value, { ...value, text: '', data: new Uint8Array(0), list: [], big: 10 }], 'map'),
    sampleOf(limited, [value], 'array'),
    sampleOf(leveled, [{}, { level: null, kind: null }, { level: value, kind: 9 }], 'map'),
    sampleOf(
      event,
      [{ class: 'Some' }, { class: 'none', class_: 1 }, { class: 'so me', level: null }] as never,
      'map',
    ),
    sampleOf(
      array(struct({ any: optional(unknown()) })),
      [[{}, { any: null }, { any: [1, { two: 'x' }] }]],
      'map',
    ),
  ].map((sample, index) => ({ ...sample, name: `s${index}` }));
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

/** Bytes of values that were changed, `rounds` for each sample. */
export function changedMessages(samples: readonly Sample[], rounds: number): readonly Message[] {
  const random = createRandom(SEED);
  return samples.flatMap((sample, index) => {
    const short = sample.values
      .map((value) => encoded(sample.codec, value))
      .filter(({ length }) => length < 2_000);
    const originals = short.length > 0 ? short : [Uint8Array.of(0xc0)];
    return Array.from({ length: rounds }, () => ({
      sample,
      index,
      bytes: mutate(random, originals[random(originals.length)]!),
    }));
  });
}
