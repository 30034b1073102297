import { invalidShape } from '../invalid-shape.js';
import { containerHeader, fixedSize, keyBytes } from './layout.js';
import { type ShapeNode, takesNil } from './node.js';
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
  switch (node.kind) {
    case 'nullable':
      return [node.of];
    case 'array':
      return [node.item];
    case 'map':
      return [node.key, node.value];
    case 'struct':
      return node.fields.map((field) => field.node);
    case 'union':
      return node.variants.map(({ struct }) => struct);
    default:
      return [];
  }
}

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
  switch (node.kind) {
    case 'string':
      return node.maxLength === undefined ? Infinity : 5 + 4 * node.maxLength;
    case 'bytes':
      return node.maxLength === undefined ? Infinity : 5 + node.maxLength;
    case 'array':
      return node.maxItems === undefined
        ? Infinity
        : 5 + node.maxItems * sizeLimit(node.item, settings, known);
    case 'nullable':
      return sizeLimit(node.of, settings, known);
    case 'union':
      return Math.max(...node.variants.map(({ struct }) => sizeLimit(struct, settings, known)));
    case 'struct':
      return node.fields.reduce(
        (sum, field) => sum + keyBytes(field, settings).length + sizeLimit(field.node, settings, known),
        containerHeader(settings.layout, node.fields.length).length,
      );
    case 'map':
    case 'unknown':
      return Infinity;
    default:
      return fixedSize(node);
  }
}
