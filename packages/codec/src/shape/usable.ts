import { invalidShape } from '../invalid-shape.js';
import { containerHeader, fixedSize, keyBytes } from './layout.js';
import { alike, LEAVES, type ShapeNode, takesNil, type Visitor, visit } from './node.js';
import type { Settings } from './settings.js';

/** Refuses shapes that a codec with these settings cannot be made for. */
export function requireUsable(node: ShapeNode, settings: Settings): void {
  requireDepth(node, settings.maxDepth, settings.maxDepth, new Map());
  if (settings.layout === 'array') requireOneMeaningOfNil(node, new Set());
}

/** @param seen the levels that were left when a node was checked before. */
function requireDepth(node: ShapeNode, left: number, most: number, seen: Map<ShapeNode, number>): void {
  if (left <= 0) throw invalidShape(`the shape is nested deeper than ${most} levels`);
  if ((seen.get(node) ?? Infinity) <= left) return;
  seen.set(node, left);
  for (const child of childrenOf(node)) requireDepth(child, left - 1, most, seen);
}

function requireOneMeaningOfNil(node: ShapeNode, seen: Set<ShapeNode>): void {
  if (seen.has(node)) return;
  seen.add(node);
  for (const field of node.kind === 'struct' ? node.fields : []) {
    if (field.optional && takesNil(field.node)) {
      throw invalidShape(
        `${JSON.stringify(field.name)} is optional and ${field.node.kind}: as an array, nil would have two meanings`,
      );
    }
  }
  for (const child of childrenOf(node)) requireOneMeaningOfNil(child, seen);
}

function childrenOf(node: ShapeNode): readonly ShapeNode[] {
  return visit(node, CHILDREN);
}

const CHILDREN: Visitor<readonly ShapeNode[]> = {
  ...alike(LEAVES, () => []),
  nullable: ({ of }) => [of],
  array: ({ item }) => [item],
  map: ({ key, value }) => [key, value],
  struct: ({ fields }) => fields.map((field) => field.node),
  union: ({ variants }) => variants.map(({ struct }) => struct),
};

/** Bytes that a value takes at most, `Infinity` where the shape does not bound it. */
export function sizeLimit(
  node: ShapeNode,
  settings: Settings,
  known: Map<ShapeNode, number> = new Map(),
): number {
  let limit = known.get(node);
  if (limit === undefined) {
    limit = sizeLimitOf(node, settings, known);
    known.set(node, limit);
  }
  return limit;
}

function sizeLimitOf(node: ShapeNode, settings: Settings, known: Map<ShapeNode, number>): number {
  const limitOf = (part: ShapeNode) => sizeLimit(part, settings, known);
  return visit(node, {
    ...alike(['integer', 'bigint', 'float', 'boolean', 'timestamp', 'oneOf'], fixedSize),
    ...alike(['map', 'unknown'], () => Infinity),
    string: ({ maxLength }) => (maxLength === undefined ? Infinity : 5 + 4 * maxLength),
    bytes: ({ maxLength }) => (maxLength === undefined ? Infinity : 5 + maxLength),
    array: ({ item, maxItems }) => (maxItems === undefined ? Infinity : 5 + maxItems * limitOf(item)),
    nullable: ({ of }) => limitOf(of),
    union: ({ variants }) => Math.max(...variants.map(({ struct }) => limitOf(struct))),
    struct: ({ fields }) =>
      fields.reduce(
        (sum, field) => sum + keyBytes(field, settings).length + limitOf(field.node),
        containerHeader(settings.layout, fields.length).length,
      ),
  });
}
