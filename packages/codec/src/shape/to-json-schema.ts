import { invalidShape } from '../invalid-shape.js';
import { INTEGER_FORMATS, type JsonSchema, type JsonSchemaTarget } from './json-schema.js';
import { type ShapeNode, type StructNode, type Visitor, visit } from './node.js';

const DIALECTS: Readonly<Record<string, string>> = {
  'draft-2020-12': 'https://json-schema.org/draft/2020-12/schema',
  'draft-07': 'http://json-schema.org/draft-07/schema#',
};

/**
 * The JSON Schema of a node.
 *
 * @throws {@link CodecError} `INVALID_SHAPE` for another target.
 */
export function toJsonSchemaOf(node: ShapeNode, target: JsonSchemaTarget): JsonSchema {
  if (!Object.hasOwn(DIALECTS, target)) {
    throw invalidShape(`there is no JSON Schema ${JSON.stringify(target)}`);
  }
  return { $schema: DIALECTS[target], ...schemaOf(node) };
}

function schemaOf(node: ShapeNode): JsonSchema {
  return visit(node, SCHEMAS);
}

const SCHEMAS: Visitor<JsonSchema> = {
  integer: ({ type, min, max }) => ({
    type: 'integer',
    format: INTEGER_FORMATS[type],
    minimum: min,
    maximum: max,
  }),
  // Its bounds are no numbers of JavaScript.
  bigint: ({ type }) => ({
    type: 'integer',
    format: INTEGER_FORMATS[type],
    ...(type === 'u64' ? { minimum: 0 } : {}),
  }),
  float: ({ type }) => ({ type: 'number', format: type === 'f64' ? 'double' : 'float' }),
  boolean: () => ({ type: 'boolean' }),
  timestamp: () => ({ type: 'string', format: 'date-time' }),
  unknown: () => ({}),
  string: ({ maxLength }) => ({ type: 'string', ...(maxLength === undefined ? {} : { maxLength }) }),
  bytes: () => ({ type: 'string', contentEncoding: 'base64' }),
  oneOf: ({ values }) =>
    values.length === 1 ? { type: 'string', const: values[0] } : { type: 'string', enum: values },
  nullable: ({ of }) => ({ anyOf: [schemaOf(of), { type: 'null' }] }),
  array: ({ item, maxItems }) => ({
    type: 'array',
    items: schemaOf(item),
    ...(maxItems === undefined ? {} : { maxItems }),
  }),
  map: ({ key, value }) => ({ type: 'object', ...keysOf(key), additionalProperties: schemaOf(value) }),
  struct: structSchema,
  union: ({ variants }) => ({ oneOf: variants.map(({ struct }) => structSchema(struct)) }),
};

/** The keys of an object are strings in JSON, whatever they are in a map. */
function keysOf(key: ShapeNode): JsonSchema {
  if (key.kind === 'integer' || key.kind === 'bigint') return { propertyNames: { pattern: '^-?[0-9]+$' } };
  const { type: _, ...rules } = schemaOf(key);
  return Object.keys(rules).length === 0 ? {} : { propertyNames: rules };
}

function structSchema({ fields }: StructNode): JsonSchema {
  const required = fields.filter(({ optional }) => !optional).map(({ name }) => name);
  return {
    type: 'object',
    properties: Object.fromEntries(fields.map(({ name, node }) => [name, schemaOf(node)])),
    ...(required.length === 0 ? {} : { required }),
  };
}
