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
  const types = new CTypes(target);
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
    ...schemaLines(target.schema),
  );
  if (target.maxSize !== undefined) {
    out.add('', '/* Bytes that a value takes at most. */', `#define ${upper}_MAX_SIZE ${target.maxSize}u`);
  }
  out.add('');
  for (const type of types.all) declare(out, type, types);
  publicFunctions(out, target, types, prefix, upper);
  out.add('#ifdef __cplusplus', '}', '#endif', '', '#endif');
  return out.toString();
}

/** Cut where no character is cut, each line a literal of its own. */
function schemaLines(schema: string): readonly string[] {
  const characters = [...schema];
  const lines: string[] = [];
  for (let start = 0; start < characters.length; start += LINE) {
    lines.push(`    ${literal(characters.slice(start, start + LINE).join(''))}`);
  }
  return lines.map((line, index) => (index < lines.length - 1 ? `${line} \\` : line));
}

function publicFunctions(
  out: SourceText,
  target: Target,
  types: CTypes,
  prefix: string,
  upper: string,
): void {
  const decode = new CDecode(types, target.layout);
  const encode = new CEncode(types, target.layout);
  for (const type of types.all) {
    decode.define(out, type);
    encode.define(out, type);
  }
  const declaration = types.declarationOf(target.node);
  out.add('/* Has a channel joined or made that carries these values: others are MMFBUS_SCHEMA_MISMATCH. */');
  out.block(`static inline void ${prefix}_describe(mmfbus_options *options) {`, () => {
    out.add(`options->codec = ${upper}_CODEC;`, `options->schema = ${upper}_SCHEMA;`);
  });
  out.add('', '/* Reads a message. mmfbus_shape.h says what becomes of the arena, and of `problem`. */');
  out.add(
    `static inline mmfbus_status ${prefix}_decode(${declaration} *value, const void *data, size_t length,`,
  );
  out.block('    mmfbus_arena *arena, mmfbus_problem *problem) {', () => {
    out.add(
      'mmfbus_shape__input input = mmfbus_shape__begin_input(data, length, arena, problem), *in = &input;',
      'size_t used = arena != NULL ? arena->used : 0;',
      `bool is_read = mmfbus_shape__check_size(in) && ${decode.read(target.node, '*value')};`,
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
      `return mmfbus_shape__end_output(out, ${encode.write(target.node, '*value')});`,
    );
  });
  out.add('');
}
