import type { ShapeNode, UnionNode } from '@mmfbus/codec';
import { alike, visit } from '@mmfbus/codec/internal';
import { expectedOf, pathPart } from '../expected.js';
import { takesNil } from '../nil.js';
import { SourceText } from '../source-text.js';
import type { Target } from '../target.js';
import {
  choicesOf,
  NAMED,
  type PythonField,
  PythonScope,
  type PythonType,
  PythonTypes,
} from './python-types.js';
import { literal } from './words.js';

const BIGINTS = { u64: '0, 2**64 - 1', i64: '-(2**63), 2**63 - 1' } as const;

/** A module for Python: the types of a shape as dataclasses, and what reads and writes them. */
export function generatePython(target: Target): string {
  const out = new SourceText();
  const value = new PythonValue(target, new PythonScope());
  out.add(
    '# Written by mmfbus-generate from a shape. Do not edit: generate it again.',
    'from __future__ import annotations',
    '',
    'import dataclasses',
    'from typing import Any, Literal, Optional, Union',
    '',
    'import msgpack',
    '',
    'import mmfbus_shape as _shape',
    '',
    '# What a channel of these values has for a codec and for a schema, and the SHA-256 of the latter.',
    `CODEC = ${literal(target.codecId)}`,
    `SCHEMA = ${literal(target.schema)}`,
    `FINGERPRINT = "${target.fingerprint}"`,
  );
  out.add('', '');
  value.define(out);
  out.add(`_value = ${value.kind}`, '', '');
  out.block(
    'def from_msgpack(plain):',
    () => {
      out.add(`"""The value of what msgpack.unpackb gave. Raises mmfbus_shape.Mismatch."""`);
      out.add('return _value.read(plain)');
    },
    '',
  );
  out.add('', '');
  out.block(
    'def to_msgpack(value):',
    () => {
      out.add(`"""What msgpack.packb takes. Raises mmfbus_shape.Mismatch."""`);
      out.add('return _value.write(value)');
    },
    '',
  );
  out.add('', '');
  out.block(
    'def decode(data):',
    () => {
      out.add('"""The value that a message holds. Raises mmfbus_shape.Mismatch, or what msgpack raises."""');
      out.add('return _shape.decode(_value, data)');
    },
    '',
  );
  out.add('', '');
  out.block(
    'def encode(value):',
    () => {
      out.add('"""The message of a value. Raises mmfbus_shape.Mismatch."""');
      out.add('return _shape.encode(_value, value)');
    },
    '',
  );
  return out.toString();
}

/** The types of a shape in Python, and how a value of it is read and written. */
export class PythonValue {
  /** How the type of a value is written. */
  readonly annotation: string;
  /** An expression that is how a value is read and written. */
  readonly kind: string;
  readonly #target: Target;
  readonly #types: PythonTypes;

  constructor(target: Target, scope: PythonScope) {
    this.#target = target;
    this.#types = new PythonTypes(target, scope);
    this.annotation = this.#types.annotationOf(target.node);
    this.kind = kindOf(this.#types, target.node);
  }

  /** The types, and what the expression needs. */
  define(out: SourceText): void {
    for (const type of this.#types.all) define(out, type, this.#types, this.#target.layout);
  }
}

function define(out: SourceText, type: PythonType, types: PythonTypes, layout: 'map' | 'array'): void {
  const { name, kind } = type;
  visit(type.node, {
    oneOf: (node) => {
      out.add(`${name} = Literal[${choicesOf(node)}]`);
      out.add(`${kind} = _shape.choice(${literal(expectedOf(node))}, ${choicesOf(node)})`, '', '');
    },
    struct: () => dataclass(out, type, types, layout),
    union: (node) => union(out, type, node, types),
  });
}

function dataclass(
  out: SourceText,
  { name, kind, fields }: PythonType,
  types: PythonTypes,
  layout: 'map' | 'array',
): void {
  const stored = fields.filter(({ attribute }) => attribute !== undefined);
  const ordered = [
    ...stored.filter(({ field }) => !field.optional),
    // A dataclass has those with a default last.
    ...stored.filter(({ field }) => field.optional),
  ];
  out.add('@dataclasses.dataclass');
  out.block(
    `class ${name}:`,
    () => {
      for (const { field, attribute } of ordered) {
        const annotation = types.annotationOf(field.node);
        if (!field.optional) out.add(`${attribute}: ${annotation}`);
        else if (takesNil(field.node)) out.add(`${attribute}: ${annotation} = _shape.ABSENT`);
        else out.add(`${attribute}: Optional[${annotation}] = None`);
      }
      if (ordered.length > 0) out.add('');
      out.add('@classmethod');
      out.block('def from_msgpack(cls, plain):', () => out.add(`return ${kind}.read(plain)`), '');
      out.add('');
      out.block('def to_msgpack(self):', () => out.add(`return ${kind}.write(self)`), '');
    },
    '',
  );
  out.add('', '');
  out.block(
    `${kind} = _shape.${layout === 'map' ? 'struct' : 'struct_as_array'}(`,
    () => {
      out.add(`${name},`, ...fields.map((field) => `${fieldOf(types, field)},`));
    },
    ')',
  );
  out.add('', '');
}

function fieldOf(types: PythonTypes, { field, attribute }: PythonField): string {
  const { name, node } = field;
  const place = `${literal(expectedOf(node))}, ${literal(pathPart(name))}`;
  if (attribute === undefined) {
    const text = node.kind === 'oneOf' ? node.values[0]! : '';
    return `_shape.Field(${literal(name)}, None, _shape.tag(${literal(text)}), ${place})`;
  }
  const kind = kindOf(types, node);
  const own = field.optional ? `_shape.Optional(${kind}${takesNil(node) ? ', True' : ''})` : kind;
  return `_shape.Field(${literal(name)}, ${literal(attribute)}, ${own}, ${place})`;
}

function union(out: SourceText, { name, kind }: PythonType, node: UnionNode, types: PythonTypes): void {
  const variants = node.variants.map((variant) => ({ ...variant, type: types.typeOf(variant.struct) }));
  out.add(`${name} = Union[${variants.map(({ type }) => type.name).join(', ')}]`);
  const place = `${literal(expectedOf(node))}, ${literal(node.tag)}, ${literal(pathPart(node.tag))}`;
  out.block(
    `${kind} = _shape.union(`,
    () => {
      out.add(`${place},`);
      out.block(
        '{',
        () => {
          out.add(
            ...variants.map(
              (variant) => `${literal(variant.name)}: (${variant.type.name}, ${variant.type.kind}),`,
            ),
          );
        },
        '},',
      );
    },
    ')',
  );
  out.add('', '');
}

/** An expression that is how a part of the shape is read and written. */
function kindOf(types: PythonTypes, node: ShapeNode): string {
  const expected = literal(expectedOf(node));
  const of = (part: ShapeNode) => kindOf(types, part);
  return visit(node, {
    integer: ({ min, max }) => `_shape.integer(${expected}, ${min}, ${max})`,
    bigint: ({ type }) => `_shape.integer(${expected}, ${BIGINTS[type]})`,
    float: ({ type }) => `_shape.${type}`,
    ...alike(['boolean', 'timestamp', 'unknown'], ({ kind }) => `_shape.${kind}`),
    string: ({ maxLength }) => `_shape.string(${maxLength === undefined ? '' : `${expected}, ${maxLength}`})`,
    bytes: ({ maxLength }) => `_shape.binary(${maxLength === undefined ? '' : `${expected}, ${maxLength}`})`,
    nullable: (nullable) => `_shape.nullable(${of(nullable.of)})`,
    array: ({ item, maxItems }) =>
      `_shape.array(${of(item)}${maxItems === undefined ? '' : `, ${expected}, ${maxItems}`})`,
    map: ({ key, value, as }) =>
      `_shape.mapping(${as === 'object' && key.kind === 'string' ? '_shape.name' : of(key)}, ${of(value)})`,
    ...alike(NAMED, (named) => types.typeOf(named).kind),
  });
}
