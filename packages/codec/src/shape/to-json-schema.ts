import { invalidShape } from '../invalid-shape.js';
import { INTEGER_FORMATS, type JsonSchema, type JsonSchemaTarget } from './json-schema.js';
import type { ShapeNode, StructNode } from './node.js';

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
  switch (node.kind) {
    case 'integer':
      return { type: 'integer', format: INTEGER_FORMATS[node.type], minimum: node.min, maximum: node.max };
    case 'bigint':
      // Its bounds are no numbers of JavaScript.
      return {
        type: 'integer',
        format: INTEGER_FORMATS[node.type],
        ...(node.type === 'u64' ? { minimum: 0 } : {}),
      };
    case 'float':
      return { type: 'number', format: node.type === 'f64' ? 'double' : 'float' };
    case 'boolean':
      return { type: 'boolean' };
    case 'timestamp':
      return { type: 'string', format: 'date-time' };
    case 'unknown':
      return {};
    case 'string':
      return { type: 'string', ...(node.maxLength === undefined ? {} : { maxLength: node.maxLength }) };
    case 'bytes':
      return { type: 'string', contentEncoding: 'base64' };
    case 'oneOf':
      return node.values.length === 1
        ? { type: 'string', const: node.values[0] }
        : { type: 'string', enum: node.values };
    case 'nullable':
      return { anyOf: [schemaOf(node.of), { type: 'null' }] };
    case 'array':
      return {
        type: 'array',
        items: schemaOf(node.item),
        ...(node.maxItems === undefined ? {} : { maxItems: node.maxItems }),
      };
    case 'map':
      return { type: 'object', ...keysOf(node.key), additionalProperties: schemaOf(node.value) };
    case 'struct':
      return structSchema(node);
    case 'union':
      return { oneOf: node.variants.map(({ struct }) => structSchema(struct)) };
  }
}

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
