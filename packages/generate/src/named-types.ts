import type { ShapeNode } from '@mmfbus/codec';
import { wordsOf } from './names.js';

/** A part of a shape that becomes a type of its own, with words to name it by: the way to it. */
export interface NamedType<N extends ShapeNode = ShapeNode> {
  readonly node: N;
  readonly words: readonly string[];
}

/** Words of a path that are kept, the first ones and the last ones. */
const FIRST_WORDS = 3;
const LAST_WORDS = 4;

/**
 * The parts of a shape that need a type of their own: what another one is made of comes before it. A part that is used in
 * several places is one type, named after the first place.
 *
 * @param isNamed whether the language has no way to write such a type without a name.
 */
export function namedTypes(
  root: ShapeNode,
  words: readonly string[],
  isNamed: (node: ShapeNode) => boolean,
): readonly NamedType[] {
  const seen = new Set<ShapeNode>();
  const found: NamedType[] = [];
  const visit = (node: ShapeNode, path: readonly string[]): void => {
    if (seen.has(node)) return;
    seen.add(node);
    for (const [child, added] of childrenOf(node)) visit(child, [...path, ...added]);
    if (!isNamed(node)) return;
    found.push({ node, words: shortened(node.kind === 'nullable' ? [...path, 'or', 'null'] : path) });
  };
  visit(root, words);
  return found;
}

function shortened(path: readonly string[]): readonly string[] {
  if (path.length <= FIRST_WORDS + LAST_WORDS) return path;
  return [...path.slice(0, FIRST_WORDS), ...path.slice(-LAST_WORDS)];
}

function childrenOf(node: ShapeNode): readonly (readonly [ShapeNode, readonly string[]])[] {
  switch (node.kind) {
    case 'nullable':
      return [[node.of, []]];
    case 'array':
      return [[node.item, ['item']]];
    case 'map':
      return [
        [node.key, ['key']],
        [node.value, ['value']],
      ];
    case 'struct':
      return node.fields.map((field) => [field.node, wordsOf(field.name, 'field')]);
    case 'union':
      return node.variants.map(({ name, struct }) => [struct, wordsOf(name, 'variant')]);
    default:
      return [];
  }
}
