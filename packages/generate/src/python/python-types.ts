import type { FieldNode, OneOfNode, ShapeNode, StructNode, UnionNode } from '@mmfbus/codec';
import { alike, visit } from '@mmfbus/codec/internal';
import { namedTypes } from '../named-types.js';
import { Names, pascalCase, snakeCase, wordsOf } from '../names.js';
import type { Target } from '../target.js';
import { literal, RESERVED, RESERVED_TYPES } from './words.js';

/** The kinds that become a type with a name. */
export const NAMED = ['oneOf', 'struct', 'union'] as const;

/** A field of a struct, in Python. */
export interface PythonField {
  readonly field: FieldNode;
  /** Its name; undefined for the tag of a union, which is not stored. */
  readonly attribute: string | undefined;
}

/** A type of Python, with the names that are in it. */
export interface PythonType {
  readonly node: OneOfNode | StructNode | UnionNode;
  readonly name: string;
  /** The variable that holds how it is read and written. */
  readonly kind: string;
  readonly fields: readonly PythonField[];
}

/** The names of a module that are taken: those of types, and those of the variables that say how values are read and written. */
export class PythonScope {
  readonly types: Names;
  readonly kinds: Names;

  /** @param taken names of types beside those of the language. */
  constructor(taken: Iterable<string> = []) {
    this.types = new Names(RESERVED_TYPES, taken);
    this.kinds = new Names(new Set(['_shape', '_value', '_codec']));
  }
}

/** All types of a shape in Python. */
export class PythonTypes {
  readonly all: readonly PythonType[];
  readonly root: string;
  readonly #byNode: ReadonlyMap<ShapeNode, PythonType>;

  constructor({ node, words }: Target, scope: PythonScope) {
    const named = namedTypes(node, words, isNamed);
    const tags = new Set(
      named.flatMap((type) =>
        type.node.kind === 'union' ? type.node.variants.map(({ struct }) => struct.fields[0]!.node) : [],
      ),
    );
    const { kinds, types: names } = scope;
    this.root = names.take(pascalCase(words));
    this.all = named
      .filter((type) => !tags.has(type.node))
      .map((type) => ({
        node: type.node as PythonType['node'],
        name: type.node === node ? this.root : names.take(pascalCase(type.words)),
        kind: kinds.take(`_${snakeCase(type.words)}`),
        fields: type.node.kind === 'struct' ? toFields(type.node, tags) : [],
      }));
    this.#byNode = new Map(this.all.map((type) => [type.node, type]));
  }

  /** The type of a part of the shape that has one of its own. */
  typeOf(node: PythonType['node']): PythonType {
    return this.#byNode.get(node)!;
  }

  /** How its type is written. */
  annotationOf(node: ShapeNode): string {
    const of = (part: ShapeNode) => this.annotationOf(part);
    return visit(node, {
      ...alike(['integer', 'bigint'], () => 'int'),
      float: () => 'float',
      boolean: () => 'bool',
      timestamp: () => 'msgpack.Timestamp',
      unknown: () => 'Any',
      string: () => 'str',
      bytes: () => 'bytes',
      nullable: (nullable) => `Optional[${of(nullable.of)}]`,
      array: ({ item }) => `list[${of(item)}]`,
      map: ({ key, value }) => `dict[${of(key)}, ${of(value)}]`,
      ...alike(NAMED, (named) => this.typeOf(named).name),
    });
  }
}

/** The strings of a `oneOf`. */
export function choicesOf(node: OneOfNode): string {
  return node.values.map(literal).join(', ');
}

function toFields(node: StructNode, tags: ReadonlySet<ShapeNode>): readonly PythonField[] {
  const attributes = new Names(RESERVED);
  return node.fields.map((field) => ({
    field,
    attribute: tags.has(field.node) ? undefined : attributes.take(snakeCase(wordsOf(field.name, 'field'))),
  }));
}

function isNamed(node: ShapeNode): boolean {
  return NAMED.some((kind) => kind === node.kind);
}
