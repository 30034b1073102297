import { snakeCase, upperCase } from '../names.js';
import { SourceText } from '../source-text.js';
import type { Target } from '../target.js';
import { CDecode } from './c-decode.js';
import { CEncode } from './c-encode.js';
import { CTypes } from './c-types.js';
import { declare } from './declarations.js';
import { literal } from './words.js';

/** Characters of the schema in a line. */
const LINE = 80;

/** A header for C and C++: the types of a shape, and the functions that read and write them. */
export function generateC(target: Target): string {
  const out = new SourceText();
  const prefix = snakeCase(target.words);
  const upper = upperCase(target.words);
  const guard = `${upper}_H`;

  out.add(
    '/* Written by mmfbus-generate from a shape. Do not edit: generate it again. */',
    `#ifndef ${guard}`,
    `#define ${guard}`,
    '',
    '#include "mmfbus_shape.h"',
    '',
    '#ifdef __cplusplus',
    'extern "C" {',
    '#endif',
    '',
    '/* What a channel of these values has for a codec and for a schema, and the SHA-256 of the latter. */',
    `#define ${upper}_CODEC ${literal(target.codecId)}`,
    `#define ${upper}_FINGERPRINT "${target.fingerprint}"`,
    `#define ${upper}_SCHEMA \\`,
    ...textLines(target.schema),
  );
  if (target.maxSize !== undefined) {
    out.add('', '/* Bytes that a value takes at most. */', `#define ${upper}_MAX_SIZE ${target.maxSize}u`);
  }
  out.add('');
  const value = new CValue(target);
  value.define(out);
  out.add('/* Has a channel joined or made that carries these values: others are MMFBUS_SCHEMA_MISMATCH. */');
  out.block(`static inline void ${prefix}_describe(mmfbus_options *options) {`, () => {
    out.add(`options->codec = ${upper}_CODEC;`, `options->schema = ${upper}_SCHEMA;`);
  });
  out.add('');
  value.defineFunctions(out);
  out.add('#ifdef __cplusplus', '}', '#endif', '', '#endif');
  return out.toString();
}

/** A text of any length as the value of a macro: cut where no character is cut, each line a literal of its own. */
export function textLines(text: string): readonly string[] {
  const characters = [...text];
  const lines: string[] = [];
  for (let start = 0; start < characters.length; start += LINE) {
    lines.push(`    ${literal(characters.slice(start, start + LINE).join(''))}`);
  }
  return lines.map((line, index) => (index < lines.length - 1 ? `${line} \\` : line));
}

/** The types of a shape in C, and the functions that read and write a value of it. */
export class CValue {
  /** What its functions begin with. */
  readonly prefix: string;
  /** How a variable of it is declared. */
  readonly declaration: string;
  readonly #target: Target;
  readonly #types: CTypes;
  readonly #decode: CDecode;
  readonly #encode: CEncode;

  constructor(target: Target) {
    this.#target = target;
    this.#types = new CTypes(target);
    this.#decode = new CDecode(this.#types, target.layout);
    this.#encode = new CEncode(this.#types, target.layout);
    this.prefix = snakeCase(target.words);
    this.declaration = this.#types.declarationOf(target.node);
  }

  /** The types, and what the functions below call. */
  define(out: SourceText): void {
    for (const type of this.#types.all) declare(out, type, this.#types);
    for (const type of this.#types.all) {
      this.#decode.define(out, type);
      this.#encode.define(out, type);
    }
  }

  /** The functions for programs. */
  defineFunctions(out: SourceText): void {
    const { prefix, declaration } = this;
    const { node } = this.#target;
    out.add('/* Reads a message. mmfbus_shape.h says what becomes of the arena, and of `problem`. */');
    out.add(
      `static inline mmfbus_status ${prefix}_decode(${declaration} *value, const void *data, size_t length,`,
    );
    out.block('    mmfbus_arena *arena, mmfbus_problem *problem) {', () => {
      out.add(
        'mmfbus_shape__input input = mmfbus_shape__begin_input(data, length, arena, problem), *in = &input;',
        'size_t used = arena != NULL ? arena->used : 0;',
        `bool is_read = mmfbus_shape__check_size(in) && ${this.#decode.read(node, '*value')};`,
        'return mmfbus_shape__end_input(in, is_read, used);',
      );
    });
    out.add('', '/* Writes a message. MMFBUS_TOO_LARGE: it takes `writer->length` bytes. */');
    out.add(
      `static inline mmfbus_status ${prefix}_encode(mmfbus_mp_writer *writer, const ${declaration} *value,`,
    );
    out.block('    mmfbus_problem *problem) {', () => {
      out.add(
        'mmfbus_shape__output output = mmfbus_shape__begin_output(writer, problem), *out = &output;',
        `return mmfbus_shape__end_output(out, ${this.#encode.write(node, '*value')});`,
      );
    });
    out.add('');
  }
}
