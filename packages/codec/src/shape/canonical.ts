import { describeKind } from '../arguments.js';
import { invalidShape, requireText, requireWhole } from '../invalid-shape.js';
import { messageOf } from '../refusal.js';
import { mapNode, structNode, unionNode } from './containers.js';
import {
  alike,
  type FieldNode,
  INTEGER_RANGES,
  type IntegerType,
  type ShapeNode,
  type StructNode,
  type Visitor,
  visit,
} from './node.js';
import { integerNode } from './scalars.js';

const VERSION = 1;
/** Characters of a text that is read. */
const MAX_TEXT = 2 ** 20;
/** Levels of a text that is read: a shape of 256 levels has fewer. */
const MAX_LEVELS = 1024;

/**
 * A shape as JSON, equal for equal shapes: without white space, members in the order below, sets of strings sorted by
 * UTF-16 code units. `docs/shapes.md` defines it.
 */
export function canonicalTextOf(node: ShapeNode): string {
  return JSON.stringify({ version: VERSION, shape: toTerm(node) });
}

type Term = string | { readonly [kind: string]: unknown };

function toTerm(node: ShapeNode): Term {
  return visit(node, TERMS);
}

const TERMS: Visitor<Term> = {
  ...alike(['boolean', 'timestamp', 'unknown'], ({ kind }) => kind),
  ...alike(['bigint', 'float'], ({ type }) => type),
  ...alike(['string', 'bytes'], ({ kind, maxLength }) =>
    maxLength === undefined ? kind : { [kind]: { maxLength } },
  ),
  integer: ({ type, min, max }) => {
    const [lowest, highest] = INTEGER_RANGES[type];
    if (min === lowest && max === highest) return type;
    return {
      [type]: { ...(min === lowest ? {} : { min }), ...(max === highest ? {} : { max }) },
    };
  },
  oneOf: ({ values }) => ({ oneOf: [...values].sort() }),
  nullable: ({ of }) => ({ nullable: toTerm(of) }),
  array: ({ item, maxItems }) => ({
    array: toTerm(item),
    ...(maxItems === undefined ? {} : { maxItems }),
  }),
  map: ({ key, value }) => ({ map: [toTerm(key), toTerm(value)] }),
  struct: ({ fields }) => ({ struct: fields.map(toFieldTerm) }),
  union: ({ tag, variants }) => ({
    union: tag,
    of: [...variants]
      .sort((one, other) => (one.name < other.name ? -1 : 1))
      .map(({ name, struct }) => [name, struct.fields.slice(1).map(toFieldTerm)]),
  }),
};

function toFieldTerm({ name, node, optional }: FieldNode): readonly unknown[] {
  return optional ? [name, toTerm(node), 'optional'] : [name, toTerm(node)];
}

/**
 * Reads a text of whatever origin.
 *
 * @throws {@link CodecError} `INVALID_SHAPE` for what {@link canonicalTextOf} does not write.
 */
export function parseCanonical(text: string): ShapeNode {
  if (typeof text !== 'string') throw invalidShape(`a text is missing: it is ${describeKind(text)}`);
  if (text.length > MAX_TEXT) throw invalidShape(`a text of ${text.length} characters is no shape`);
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw invalidShape(`it is no JSON (${messageOf(error)})`);
  }
  const { version, shape } = members(document, ['version', 'shape']);
  if (version !== VERSION) throw invalidShape(`the version ${JSON.stringify(version)} is not known`);
  return fromTerm(shape, MAX_LEVELS);
}

function fromTerm(term: unknown, left: number): ShapeNode {
  if (left <= 0) throw invalidShape('the shape is nested too deep');
  if (typeof term === 'string') return fromName(term);
  const kind = Object.keys(members(term))[0] ?? '';
  switch (kind) {
    case 'string':
    case 'bytes': {
      const { maxLength } = members(members(term, [kind])[kind], ['maxLength']);
      requireWhole('maxLength', maxLength, 0, 0xffff_ffff);
      return kind === 'string'
        ? { kind, maxLength: maxLength as number }
        : { kind, maxLength: maxLength as number, copy: true };
    }
    case 'oneOf': {
      const values = strings(members(term, ['oneOf'])['oneOf']);
      return { kind, values };
    }
    case 'nullable':
      return { kind, of: fromTerm(members(term, ['nullable'])['nullable'], left - 1) };
    case 'array': {
      const { array, maxItems } = members(term, ['array', 'maxItems']);
      if (maxItems !== undefined) requireWhole('maxItems', maxItems, 0, 0xffff_ffff);
      return { kind, item: fromTerm(array, left - 1), maxItems: maxItems as number | undefined };
    }
    case 'map': {
      const [key, value] = list(members(term, ['map'])['map'], 2, 2);
      return mapNode(fromTerm(key, left - 1), fromTerm(value, left - 1), 'map');
    }
    case 'struct':
      return fromFields(members(term, ['struct'])['struct'], left);
    case 'union': {
      const { union, of } = members(term, ['union', 'of']);
      const variants = list(of, 1, Infinity).map((variant): [string, ShapeNode] => {
        const [name, fields] = list(variant, 2, 2);
        return [name as string, fromFields(fields, left - 1)];
      });
      return unionNode(union as string, variants);
    }
    default: {
      if (!isIntegerType(kind)) throw invalidShape(`${JSON.stringify(kind)} is no kind of shape`);
      const { min, max } = members(members(term, [kind])[kind], ['min', 'max']);
      return integerNode(kind, min as number | undefined, max as number | undefined);
    }
  }
}

function fromName(name: string): ShapeNode {
  switch (name) {
    case 'u64':
    case 'i64':
      return { kind: 'bigint', type: name };
    case 'f32':
    case 'f64':
      return { kind: 'float', type: name };
    case 'boolean':
    case 'timestamp':
    case 'unknown':
      return { kind: name };
    case 'string':
      return { kind: name, maxLength: undefined };
    case 'bytes':
      return { kind: name, maxLength: undefined, copy: true };
    default:
      if (isIntegerType(name)) return integerNode(name);
      throw invalidShape(`${JSON.stringify(name.slice(0, 40))} is no kind of shape`);
  }
}

function fromFields(fields: unknown, left: number): StructNode {
  return structNode(
    list(fields, 0, Infinity).map((field): FieldNode => {
      const [name, term, flag] = list(field, 2, 3);
      if (flag !== undefined && flag !== 'optional') throw invalidShape('a field is optional or it is not');
      return { name: name as string, node: fromTerm(term, left - 1), optional: flag === 'optional' };
    }),
  );
}

function isIntegerType(name: string): name is IntegerType {
  return Object.hasOwn(INTEGER_RANGES, name);
}

function members(value: unknown, allowed?: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidShape('an object is missing in the text of a shape');
  }
  const unknown =
    allowed === undefined ? undefined : Object.keys(value).find((key) => !allowed.includes(key));
  if (unknown === undefined) return value as Record<string, unknown>;
  throw invalidShape(`${JSON.stringify(unknown.slice(0, 40))} is not known in the text of a shape`);
}

function list(value: unknown, least: number, most: number): readonly unknown[] {
  if (Array.isArray(value) && value.length >= least && value.length <= most) return value;
  throw invalidShape('a list is missing in the text of a shape');
}

function strings(value: unknown): readonly string[] {
  return list(value, 1, Infinity).map((item) => {
    if (typeof item !== 'string') throw invalidShape('a string is missing in the text of a shape');
    requireText('a string in the text of a shape', item);
    return item;
  });
}
