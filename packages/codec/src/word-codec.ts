import type { Codec } from './codec.js';
import type { WordBytes } from './word-bytes.js';

/**
 * What a codec does with bytes that carry their words, which no other code can change. Whether they are such bytes, and offsets lie
 * inside them, is not checked. For the rest, see {@link Codec}.
 */
export interface WordFunctions<T> {
  readonly encode: (value: T, target: WordBytes, offset: number) => number;
  readonly decode: (source: WordBytes, start: number, end: number) => T;
}

/** The key under which a codec has such functions. */
const wordFunctions: unique symbol = Symbol('wordFunctions');

/** Gives them to a codec. Not enumerable: a copy of the codec by `{ ...codec }` does not get them. */
export function addWordFunctions<T, C extends Codec<T>>(codec: C, functions: WordFunctions<T>): C {
  return Object.defineProperty(codec, wordFunctions, { value: functions });
}

/** The functions for such bytes: the codec's own, where it has some. A codec that was made of such a codec has none. */
export function wordFunctionsOf<T>(codec: Codec<T>): WordFunctions<T> {
  const own = Object.getOwnPropertyDescriptor(codec, wordFunctions)?.value as WordFunctions<T> | undefined;
  if (own !== undefined) return own;
  return {
    encode: (value, target, offset) => codec.encode(value, target, offset),
    decode: (source, start, end) => codec.decode(source, start, end),
  };
}
