import type { ShapeNode } from '@mmfbus/codec';
import { alike, LEAVES, type Visitor, visit } from '@mmfbus/codec/internal';
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

type Child = readonly [node: ShapeNode, words: readonly string[]];

function childrenOf(node: ShapeNode): readonly Child[] {
  return visit(node, CHILDREN);
}

const CHILDREN: Visitor<readonly Child[]> = {
  ...alike(LEAVES, () => []),
  nullable: ({ of }) => [[of, []]],
  array: ({ item }) => [[item, ['item']]],
  map: ({ key, value }) => [
    [key, ['key']],
    [value, ['value']],
  ],
  struct: ({ fields }) => fields.map(({ name, node }) => [node, wordsOf(name, 'field')]),
  union: ({ variants }) => variants.map(({ name, struct }) => [struct, wordsOf(name, 'variant')]),
};
