import type { Codec } from './codec.js';
import type { WordBytes } from './word-bytes.js';

/** The key under which a codec has its way of decoding bytes that carry their words. */
const decodeWords: unique symbol = Symbol('decodeWords');

/**
 * Decodes bytes that carry their words, which no other code can change, from `start` to `end`, which lie inside them: without looking
 * whether all that is so. Throws as `Codec.decode` does.
 */
export type DecodeWords<T> = (source: WordBytes, start: number, end: number) => T;

/** Lets a codec decode such bytes. Not enumerable: a copy of the codec by `{ ...codec }` does not get it. */
export function addDecodeWords<T, C extends Codec<T>>(codec: C, decode: DecodeWords<T>): C {
  return Object.defineProperty(codec, decodeWords, { value: decode });
}

/** What decodes such bytes: the codec's own way, where it has one. A codec that was made of such a codec has none. */
export function decoderOfWords<T>(codec: Codec<T>): DecodeWords<T> {
  if (Object.hasOwn(codec, decodeWords))
    return (codec as unknown as Record<symbol, DecodeWords<T>>)[decodeWords] as DecodeWords<T>;
  return (source, start, end) => codec.decode(source, start, end);
}
