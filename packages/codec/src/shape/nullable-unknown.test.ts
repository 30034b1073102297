import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  type Codec,
  CodecError,
  codecOf,
  msgpack,
  nullable,
  type ShapeOptions,
  struct,
  u8,
  unknown,
} from '../index.js';

const DEPTH = 4;

/** As where Node runs with `--disallow-code-generation-from-strings`. */
function forbidGeneration(): void {
  vi.stubGlobal(
    'Function',
    class {
      constructor() {
        throw new EvalError('code generation from strings is disallowed');
      }
    },
  );
}

afterEach(() => vi.unstubAllGlobals());

/** The codec of the shape alone, and as the field of a struct: by generated functions and by closures. */
function codecsOf(options: ShapeOptions): readonly [Codec<unknown>, Codec<unknown>][] {
  const make = () => {
    // New shapes, since a shape has one codec.
    const shapes = [nullable(unknown()), struct({ any: nullable(unknown()), last: u8() })];
    return shapes.map((shape) => codecOf(shape, options));
  };
  const generated = make();
  forbidGeneration();
  const closures = make();
  vi.unstubAllGlobals();
  expect(generated.map((codec) => codec.generated)).toEqual([true, true]);
  expect(closures.map((codec) => codec.generated)).toEqual([false, false]);
  return generated.map((codec, index) => [codec, closures[index]] as [Codec<unknown>, Codec<unknown>]);
}

/** Arrays in arrays, so many levels. */
function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}

function outcome(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    expect(error).toBeInstanceOf(CodecError);
    const { code, message } = error as CodecError;
    return `${code}: ${message}`;
  }
}

function encoded(codec: Codec<unknown>, value: unknown): unknown {
  const target = new Uint8Array(100);
  return outcome(() => target.slice(0, codec.encode(value, target, 0)));
}

const values: readonly (readonly [string, unknown])[] = [
  ['null', null],
  ['null in an array', [null]],
  ['null in an object', { a: null }],
  ['values in values', { a: [1, 'x', { b: [true] }] }],
  ['as many levels as are allowed', nested(DEPTH)],
  ['one level more', nested(DEPTH + 1)],
  ['undefined', undefined],
  ['a function', () => 1],
  ['a function in an array', [() => 1]],
];

describe.each(['map', 'array'] as const)('nullable(unknown()), structs as %s', (layout) => {
  const pairs = codecsOf({ layout, maxDepth: DEPTH });

  it.each(values)('encodes and decodes the same, generated and by closures: %s', (_name, value) => {
    for (const [index, [generated, closures]] of pairs.entries()) {
      const inPlace = (any: unknown) => (index === 0 ? any : { any, last: 7 });
      const whole = inPlace(value);
      const bytes = encoded(generated, whole);
      expect(encoded(closures, whole)).toStrictEqual(bytes);
      if (!(bytes instanceof Uint8Array)) continue;
      for (const codec of [generated, closures]) {
        expect(codec.decode(bytes, 0, bytes.length)).toStrictEqual(inPlace(value ?? null));
      }
    }
  });

  it('writes null as nil', () => {
    for (const codec of pairs[0] ?? []) expect(encoded(codec, null)).toStrictEqual(Uint8Array.of(0xc0));
  });

  it('refuses what is nested too deep, in values and in bytes', () => {
    const deep = nested(DEPTH + 1);
    const inBytes = [deep, layout === 'map' ? { any: deep, last: 7 } : [deep, 7]];
    for (const [index, codecs] of pairs.entries()) {
      const [value, place] = index === 0 ? [deep, 'value'] : [{ any: deep, last: 7 }, 'any'];
      const bytes = encoded(msgpack(), inBytes[index]) as Uint8Array;
      for (const codec of codecs) {
        expect(encoded(codec, value)).toMatch(
          new RegExp(`^UNENCODABLE: ${place}: .*nested deeper than ${DEPTH} levels`),
        );
        expect(outcome(() => codec.decode(bytes, 0, bytes.length))).toMatch(
          new RegExp(`^UNDECODABLE: ${place}: .*nested deeper than ${DEPTH} levels`),
        );
      }
    }
  });

  it('decodes the same of bytes that end too early, or are followed by others', () => {
    for (const [index, [generated, closures]] of pairs.entries()) {
      const value = { a: [1, null, 'x'] };
      const bytes = encoded(generated, index === 0 ? value : { any: value, last: 7 }) as Uint8Array;
      const longer = Uint8Array.of(...bytes, 0xc0);
      for (let end = 0; end <= longer.length; end++) {
        const [first, second] = [generated, closures].map((codec) =>
          outcome(() => codec.decode(longer, 0, end)),
        );
        expect(second, `${end} bytes`).toStrictEqual(first);
        expect(typeof first === 'string', `${end} bytes`).toBe(end !== bytes.length);
      }
    }
  });
});
