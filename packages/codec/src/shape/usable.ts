import { invalidShape } from '../invalid-shape.js';
import { fixedSize, greatest, keyBytes, structHeaderSize } from './layout.js';
import { alike, LEAVES, type ShapeNode, takesNil, type Visitor, visit } from './node.js';
import { checkSettings, type Settings } from './settings.js';
import type { Shape } from './shape.js';

/** Refuses shapes that a codec with these settings cannot be made for. */
export function requireUsable(node: ShapeNode, settings: Settings): void {
  requireDepth(node, settings.maxDepth, settings.maxDepth, new Map());
  if (settings.layout === 'array') requireOneMeaningOfNil(node, new Set());
}

/**
 * Refuses shapes for which `codecOf` makes no codec with the options that hold by default, without making one.
 *
 * @throws {@link CodecError} `INVALID_SHAPE`.
 */
export function requireCodable(shape: Shape): void {
  requireUsable(shape.node, checkSettings({}));
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

/** Whether a shape has at most so many parts; one that is used in several places counts once. */
export function hasAtMostParts(node: ShapeNode, most: number): boolean {
  const seen = new Set([node]);
  for (const part of seen) {
    for (const child of childrenOf(part)) seen.add(child);
    if (seen.size > most) return false;
  }
  return true;
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
export function sizeLimit(node: ShapeNode, settings: Settings): number {
  const known = new Map<ShapeNode, number>();
  const limitOf = (part: ShapeNode): number => {
    const limit = known.get(part) ?? visit(part, limits);
    known.set(part, limit);
    return limit;
  };
  const limits: Visitor<number> = {
    ...alike(['integer', 'bigint', 'float', 'boolean', 'timestamp', 'oneOf'], fixedSize),
    ...alike(['map', 'unknown'], () => Infinity),
    string: ({ maxLength }) => (maxLength === undefined ? Infinity : 5 + 4 * maxLength),
    bytes: ({ maxLength }) => (maxLength === undefined ? Infinity : 5 + maxLength),
    array: ({ item, maxItems }) => (maxItems === undefined ? Infinity : 5 + maxItems * limitOf(item)),
    nullable: ({ of }) => limitOf(of),
    union: ({ variants }) => greatest(variants.map(({ struct }) => limitOf(struct))),
    struct: (struct) =>
      struct.fields.reduce(
        (sum, field) => sum + keyBytes(field, settings).length + limitOf(field.node),
        structHeaderSize(struct),
      ),
  };
  return limitOf(node);
}
