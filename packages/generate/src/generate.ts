import type { Shape } from '@mmfbus/codec';
import { generateC } from './c/generate-c.js';
import { GenerateError } from './errors.js';
import { generatePython } from './python/generate-python.js';
import { generateRust } from './rust/generate-rust.js';
import { LANGUAGES, type Language, type Target, targetOf } from './target.js';
import { generateTypeScript } from './typescript/generate-typescript.js';

/** Options of {@link generate}. */
export interface GenerateOptions {
  /** The language of the code. */
  readonly language: Language;
  /**
   * What the type is called: 1 to 40 letters, digits, `_` and `-`. Each language writes it its own way: `quote_line` or
   * `QuoteLine`.
   */
  readonly name: string;
  /** How structs are written, as in the options of `codecOf`. Defaults to `map`. */
  readonly layout?: 'map' | 'array' | undefined;
}

const generators: Readonly<Record<Language, (target: Target) => string>> = {
  c: generateC,
  rust: generateRust,
  python: generatePython,
  typescript: generateTypeScript,
};

/**
 * Writes the types of a shape as code, with what encodes and decodes them, and the schema that a channel of such
 * values has. The same shape and options give the same text.
 *
 * @returns the text of a file: for C a header that includes `mmfbus_shape.h`; for Rust a module that uses
 * `crate::mmfbus_msgpack`; for Python a module that imports `mmfbus_shape`. All three are in `@mmfbus/native`. For TypeScript a module
 * that defines the shape with the functions of `mmfbus`, and the type of its values.
 * @throws {@link GenerateError} `USAGE` for an invalid name or an unknown language, `SHAPE` for a shape that has no codec, for one whose
 * canonical text has more than 262,144 characters, and for one that TypeScript cannot write: with a field whose name is a whole number
 * after one whose name is not.
 */
export function generate(shape: Shape, options: GenerateOptions): string {
  const { language, name, layout = 'map' } = options;
  if (!LANGUAGES.includes(language)) {
    throw new GenerateError(
      'USAGE',
      `the language is one of ${LANGUAGES.join(', ')}, not ${String(language)}`,
    );
  }
  return generators[language](targetOf(shape, name, layout));
}
