import { CodecError, codecOf, fingerprint, type Shape, type ShapeNode } from '@mmfbus/codec';
import { GenerateError } from './errors.js';
import { wordsOf } from './names.js';

/** Characters of the canonical text of a shape or a contract up to which code is generated: it would have a hundred times as many. */
const MAX_SCHEMA = 2 ** 18;

/** The languages that code can be generated for. */
export const LANGUAGES = ['c', 'rust', 'python', 'typescript'] as const;

/** One of them. */
export type Language = (typeof LANGUAGES)[number];

/** What code is generated from: a shape and what follows from it. */
export interface Target {
  readonly node: ShapeNode;
  /** The name of the whole, in words. */
  readonly words: readonly string[];
  readonly layout: 'map' | 'array';
  /** Of the codec in Node. */
  readonly codecId: string;
  /** The canonical text. */
  readonly schema: string;
  /** Its SHA-256 as hexadecimal digits. */
  readonly fingerprint: string;
  /** Bytes that a value takes at most; undefined where the shape does not bound it. */
  readonly maxSize: number | undefined;
}

/**
 * Checks what code is to be generated from.
 *
 * @throws {@link GenerateError} `USAGE` for an invalid name, `SHAPE` for a shape that has no codec.
 */
export function targetOf(shape: Shape, name: string, layout: 'map' | 'array'): Target {
  requireName(name);
  return targetOfWords(shape, wordsOf(name, 'value'), layout);
}

/**
 * The same for a part of a service.
 *
 * @param words its name.
 * @throws {@link GenerateError} `SHAPE`.
 */
export function targetOfPart(shape: Shape, words: readonly string[]): Target {
  return targetOfWords(shape, words, 'map');
}

function targetOfWords(shape: Shape, words: readonly string[], layout: 'map' | 'array'): Target {
  try {
    const { id, schema, maxSize } = codecOf(shape, { layout });
    requireSize('shape', schema.text);
    return {
      node: shape.node,
      words,
      layout,
      codecId: id,
      schema: schema.text,
      fingerprint: Buffer.from(fingerprint(shape)).toString('hex'),
      maxSize: Number.isFinite(maxSize) ? maxSize : undefined,
    };
  } catch (error) {
    if (!(error instanceof CodecError)) throw error;
    throw new GenerateError('SHAPE', `the shape cannot be used: ${error.message}`, { cause: error });
  }
}

/**
 * Refuses what is no name of a type.
 *
 * @throws {@link GenerateError} `USAGE`.
 */
export function requireName(name: string): void {
  if (/^[A-Za-z][A-Za-z0-9_-]{0,39}$/.test(name)) return;
  throw new GenerateError(
    'USAGE',
    `a name has 1 to 40 letters, digits, _ and -, and begins with a letter, unlike ${JSON.stringify(name)}`,
  );
}

/**
 * Refuses what would become megabytes of code.
 *
 * @param text the canonical text.
 * @throws {@link GenerateError} `SHAPE`.
 */
export function requireSize(what: 'shape' | 'contract', text: string): void {
  if (text.length <= MAX_SCHEMA) return;
  throw new GenerateError(
    'SHAPE',
    `the ${what} is too large: its canonical text has ${text.length} characters, and may have ${MAX_SCHEMA}`,
  );
}
