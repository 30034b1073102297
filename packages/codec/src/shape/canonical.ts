import { alike, type FieldNode, INTEGER_RANGES, type ShapeNode, type Visitor, visit } from './node.js';

/** Of the text: it stands at its beginning. */
export const VERSION = 1;

/**
 * A shape as JSON, equal for equal shapes: without white space, members in the order below, sets of strings sorted by
 * UTF-16 code units. `docs/shapes.md` defines it.
 */
export function canonicalTextOf(node: ShapeNode): string {
  return JSON.stringify({ version: VERSION, shape: termOf(node) });
}

/** What stands for a shape in a canonical text: a value of JSON. */
export type ShapeTerm = string | { readonly [kind: string]: unknown };

/** The term of a shape, without the version around it. */
export function termOf(node: ShapeNode): ShapeTerm {
  return visit(node, TERMS);
}

const TERMS: Visitor<ShapeTerm> = {
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
  nullable: ({ of }) => ({ nullable: termOf(of) }),
  array: ({ item, maxItems }) => ({
    array: termOf(item),
    ...(maxItems === undefined ? {} : { maxItems }),
  }),
  map: ({ key, value }) => ({ map: [termOf(key), termOf(value)] }),
  struct: ({ fields }) => ({ struct: fields.map(toFieldTerm) }),
  union: ({ tag, variants }) => ({
    union: tag,
    of: [...variants]
      .sort((one, other) => (one.name < other.name ? -1 : 1))
      .map(({ name, struct }) => [name, struct.fields.slice(1).map(toFieldTerm)]),
  }),
};

function toFieldTerm({ name, node, optional }: FieldNode): readonly unknown[] {
  return optional ? [name, termOf(node), 'optional'] : [name, termOf(node)];
}
