import { invalidShape, requireText } from '../invalid-shape.js';
import { mapNode, nullable, structNode, unionNode } from './containers.js';
import { INTEGER_FORMATS, type JsonSchema } from './json-schema.js';
import { type FieldNode, INTEGER_RANGES, type IntegerType, type ShapeNode } from './node.js';
import { requireShape } from './require-shape.js';
import { checkMaximum, integerNode } from './scalars.js';
import { makeShape, type Shape } from './shape.js';
import { toJsonSchemaOf } from './to-json-schema.js';

/** Keywords that say nothing about what is valid. */
const ANNOTATIONS = [
  '$schema',
  '$id',
  '$comment',
  '$defs',
  'definitions',
  'title',
  'description',
  'default',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
];
const MAX_DEPTH = 256;
/** Schemas in one, each `$ref` counted as often as it is followed. */
const MAX_SCHEMAS = 100_000;

/**
 * The JSON Schema (2020-12) of a shape. It describes the values as JSON has them: bytes as base64, timestamps as text.
 */
export function toJsonSchema(shape: Shape): JsonSchema {
  requireShape('what toJsonSchema() takes', shape);
  return toJsonSchemaOf(shape.node, 'draft-2020-12');
}

/**
 * The shape of a JSON Schema made of: `type`, `properties`, `required`, `additionalProperties`, `items`, `maxItems`,
 * `maxLength`, `minimum`, `maximum`, `enum` and `const` of strings, `format`, `contentEncoding: 'base64'`, `nullable`,
 * `oneOf` and `anyOf` as a union by a tag or with `null`, `$ref` to `#/$defs/…`; annotations are passed over.
 * `docs/shapes.md` has the table.
 *
 * @typeParam T the values: your promise, since a schema that comes at run time has no type.
 * @throws {@link CodecError} `INVALID_SHAPE`, naming the place, for whatever else restricts what is valid: it is not dropped in
 * silence.
 */
export function fromJsonSchema<T = unknown>(schema: JsonSchema | boolean): Shape<T> {
  return makeShape(new SchemaReader(schema).read(schema, '#', 0));
}

class SchemaReader {
  readonly #root: unknown;
  #count = 0;

  constructor(root: unknown) {
    this.#root = root;
  }

  read(schema: unknown, at: string, depth: number): ShapeNode {
    this.#count += 1;
    if (this.#count > MAX_SCHEMAS) throw refused(at, `there are more than ${MAX_SCHEMAS} schemas`);
    if (depth > MAX_DEPTH)
      throw refused(at, `it is nested deeper than ${MAX_DEPTH} levels, or contains itself`);
    if (schema === true) return { kind: 'unknown' };
    const keywords = keywordsOf(schema, at);
    if (keywords.has('$ref')) return this.#reference(keywords, at, depth);
    if (keywords.has('nullable')) return this.#openApiNull(keywords, schema as JsonSchema, at, depth);
    for (const choice of ['oneOf', 'anyOf']) {
      if (keywords.has(choice)) return this.#choice(keywords, choice, at, depth);
    }
    const type = keywords.get('type');
    if (Array.isArray(type)) return this.#types(type, schema as JsonSchema, at, depth);
    return this.#typed(typeOf(keywords), keywords, at, depth);
  }

  #typed(type: unknown, keywords: Keywords, at: string, depth: number): ShapeNode {
    switch (type) {
      case undefined:
        only(keywords, [], at);
        return { kind: 'unknown' };
      case 'boolean':
        only(keywords, ['type'], at);
        return { kind: 'boolean' };
      case 'integer':
        return readInteger(keywords, at);
      case 'number': {
        only(keywords, ['type', 'format'], at);
        const format = oneOfFormats(keywords, ['double', 'float'], at);
        return { kind: 'float', type: format === 'float' ? 'f32' : 'f64' };
      }
      case 'string':
        return readString(keywords, at);
      case 'array':
        only(keywords, ['type', 'items', 'maxItems'], at);
        return {
          kind: 'array',
          item: this.read(keywords.get('items') ?? true, `${at}/items`, depth + 1),
          maxItems: checkMaximum('maxItems', keywords.get('maxItems') as number | undefined),
        };
      case 'object':
        return this.#object(keywords, at, depth);
      default:
        throw refused(at, `the type ${JSON.stringify(type)} has no counterpart`);
    }
  }

  #reference(keywords: Keywords, at: string, depth: number): ShapeNode {
    only(keywords, ['$ref'], at);
    const reference = keywords.get('$ref');
    const match = /^#\/(\$defs|definitions)\/([^/]+)$/.exec(String(reference));
    const definitions = (this.#root as JsonSchema)[match?.[1] ?? ''];
    const name = match?.[2]?.replaceAll('~1', '/').replaceAll('~0', '~') ?? '';
    if (typeof definitions !== 'object' || definitions === null || !Object.hasOwn(definitions, name)) {
      throw refused(at, `there is nothing at ${JSON.stringify(reference)}`);
    }
    return this.read((definitions as JsonSchema)[name], String(reference), depth + 1);
  }

  #openApiNull(keywords: Keywords, schema: JsonSchema, at: string, depth: number): ShapeNode {
    const { nullable: isNullable, ...rest } = schema;
    if (typeof isNullable !== 'boolean') throw refused(at, `nullable is not ${keywords.get('nullable')}`);
    const node = this.read(rest, at, depth + 1);
    return isNullable ? orNull(node) : node;
  }

  #types(types: readonly unknown[], schema: JsonSchema, at: string, depth: number): ShapeNode {
    const others = types.filter((type) => type !== 'null');
    if (others.length !== 1) throw refused(at, 'several types have no counterpart, except one with null');
    const node = this.read({ ...schema, type: others[0] }, at, depth + 1);
    return others.length === types.length ? node : orNull(node);
  }

  #choice(keywords: Keywords, choice: string, at: string, depth: number): ShapeNode {
    only(keywords, [choice, 'type'], at);
    const schemas = keywords.get(choice);
    if (!Array.isArray(schemas)) throw refused(at, `${choice} must be an array`);
    const others = schemas.filter((schema) => !isNull(schema));
    const places = others.map((schema) => `${at}/${choice}/${schemas.indexOf(schema)}`);
    const nodes = others.map((schema, index) => this.read(schema, places[index]!, depth + 1));
    const node = nodes.length === 1 ? nodes[0]! : toUnion(nodes, at);
    return others.length === schemas.length ? node : orNull(node);
  }

  #object(keywords: Keywords, at: string, depth: number): ShapeNode {
    only(keywords, ['type', 'properties', 'required', 'additionalProperties'], at);
    const more = keywords.get('additionalProperties');
    if (typeof more === 'object' && more !== null) {
      if (keywords.has('properties') || keywords.has('required')) {
        throw refused(at, 'properties beside additionalProperties with a schema have no counterpart');
      }
      const value = this.read(more, `${at}/additionalProperties`, depth + 1);
      return mapNode({ kind: 'string', maxLength: undefined }, value, 'object');
    }
    if (!keywords.has('properties') && more !== false) {
      return mapNode({ kind: 'string', maxLength: undefined }, { kind: 'unknown' }, 'object');
    }
    const required = keywords.get('required') ?? [];
    if (!Array.isArray(required)) throw refused(at, 'required must be an array');
    const properties = keywords.get('properties') ?? {};
    if (typeof properties !== 'object') throw refused(at, 'properties must be an object');
    const missing = required.find((name) => !Object.hasOwn(properties as object, name));
    if (missing !== undefined) throw refused(at, `${JSON.stringify(missing)} is required and has no schema`);
    const fields = Object.entries(properties as object).map(
      ([name, schema]): FieldNode => ({
        name,
        node: this.read(schema, `${at}/properties/${name}`, depth + 1),
        optional: !required.includes(name),
      }),
    );
    return structNode(fields);
  }
}

type Keywords = ReadonlyMap<string, unknown>;

function keywordsOf(schema: unknown, at: string): Keywords {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) {
    throw refused(at, `a schema must be an object, not ${JSON.stringify(schema)}`);
  }
  return new Map(Object.entries(schema).filter(([keyword]) => !ANNOTATIONS.includes(keyword)));
}

function typeOf(keywords: Keywords): unknown {
  return keywords.has('enum') || keywords.has('const') ? 'string' : keywords.get('type');
}

function readInteger(keywords: Keywords, at: string): ShapeNode {
  only(keywords, ['type', 'format', 'minimum', 'maximum'], at);
  const format = oneOfFormats(keywords, Object.values(INTEGER_FORMATS), at);
  const min = keywords.get('minimum') as number | undefined;
  const max = keywords.get('maximum') as number | undefined;
  const types = Object.keys(INTEGER_FORMATS) as IntegerType[];
  if (format !== undefined) {
    const type = types.find((name) => INTEGER_FORMATS[name] === format)!;
    const isLong = type === 'u64' || type === 'i64';
    if (isLong && max === undefined && (min ?? 0) === 0) return { kind: 'bigint', type };
    return integerNode(type, min, max);
  }
  const [least, most] = [min ?? -Infinity, max ?? Infinity];
  const fitting = types.find((name) => {
    const [lowest, highest] = INTEGER_RANGES[name];
    return least >= lowest && most <= highest;
  });
  return integerNode(fitting ?? (least >= 0 ? 'u64' : 'i64'), min, max);
}

function readString(keywords: Keywords, at: string): ShapeNode {
  if (keywords.has('enum') || keywords.has('const')) return readEnum(keywords, at);
  const format = keywords.get('format');
  if (format === 'date-time') {
    only(keywords, ['type', 'format'], at);
    return { kind: 'timestamp' };
  }
  if (keywords.get('contentEncoding') === 'base64') {
    only(keywords, ['type', 'contentEncoding'], at);
    return { kind: 'bytes', maxLength: undefined, copy: true };
  }
  only(keywords, ['type', 'maxLength'], at);
  return {
    kind: 'string',
    maxLength: checkMaximum('maxLength', keywords.get('maxLength') as number | undefined),
  };
}

function readEnum(keywords: Keywords, at: string): ShapeNode {
  only(keywords, ['type', keywords.has('enum') ? 'enum' : 'const'], at);
  const values = keywords.has('enum') ? keywords.get('enum') : [keywords.get('const')];
  const type = keywords.get('type') ?? 'string';
  if (
    type !== 'string' ||
    !Array.isArray(values) ||
    values.length === 0 ||
    values.some((value) => typeof value !== 'string')
  ) {
    throw refused(at, 'enum and const have a counterpart for strings only');
  }
  for (const value of values) requireText('a value of enum', value);
  return { kind: 'oneOf', values: Object.freeze([...new Set<string>(values)]) };
}

function toUnion(nodes: readonly ShapeNode[], at: string): ShapeNode {
  const structs = nodes.map((node) => {
    if (node.kind !== 'struct') throw refused(at, 'a choice between anything but objects has no counterpart');
    return node;
  });
  const tag = structs[0]?.fields.find(({ name }) =>
    structs.every((struct) => tagOf(struct.fields, name) !== undefined),
  );
  if (tag === undefined) {
    throw refused(at, 'a choice needs a property that is required and const in each of them');
  }
  return unionNode(
    tag.name,
    structs.map(({ fields }) => [
      tagOf(fields, tag.name)!,
      structNode(fields.filter(({ name }) => name !== tag.name)),
    ]),
  );
}

/** The one string that a required field of that name can hold. */
function tagOf(fields: readonly FieldNode[], name: string): string | undefined {
  const field = fields.find((one) => one.name === name && !one.optional);
  return field?.node.kind === 'oneOf' && field.node.values.length === 1 ? field.node.values[0] : undefined;
}

function orNull(node: ShapeNode): ShapeNode {
  return nullable(makeShape(node)).node;
}

function isNull(schema: unknown): boolean {
  return typeof schema === 'object' && schema !== null && (schema as JsonSchema)['type'] === 'null';
}

function oneOfFormats(keywords: Keywords, formats: readonly string[], at: string): string | undefined {
  const format = keywords.get('format');
  if (format === undefined || formats.includes(format as string)) return format as string | undefined;
  throw refused(at, `the format ${JSON.stringify(format)} has no counterpart`);
}

function only(keywords: Keywords, allowed: readonly string[], at: string): void {
  for (const keyword of keywords.keys()) {
    if (!allowed.includes(keyword)) {
      throw refused(at, `the keyword ${JSON.stringify(keyword)} has no counterpart here`);
    }
  }
}

function refused(at: string, problem: string): Error {
  return invalidShape(`JSON Schema at ${at}: ${problem}`);
}
