import type { FieldNode, OneOfNode, ShapeNode, StructNode, UnionNode } from '@mmfbus/codec';
import { alike, visit } from '@mmfbus/codec/internal';
import { namedTypes } from '../named-types.js';
import { Names, pascalCase, snakeCase, wordsOf } from '../names.js';
import type { Target } from '../target.js';
import { RESERVED, RESERVED_TYPES } from './words.js';

/** The kinds that become a type with a name. */
export const NAMED = ['oneOf', 'struct', 'union'] as const;

/** A field of a struct, in Rust. */
export interface RustField {
  readonly field: FieldNode;
  /** Its name; undefined for the tag of a union, which is not stored. */
  readonly member: string | undefined;
}

/** A type of Rust, with the names that are in it. */
export interface RustType {
  readonly node: OneOfNode | StructNode | UnionNode;
  readonly name: string;
  readonly fields: readonly RustField[];
  /** The variants of an enum, in the order of the strings or structs. */
  readonly variants: readonly string[];
}

/** All types of a shape in Rust. */
export class RustTypes {
  readonly all: readonly RustType[];
  readonly root: string;
  readonly #byNode: ReadonlyMap<ShapeNode, RustType>;

  constructor({ node, words }: Target) {
    const named = namedTypes(node, words, isNamed);
    const tags = new Set(
      named.flatMap((type) =>
        type.node.kind === 'union' ? type.node.variants.map(({ struct }) => struct.fields[0]!.node) : [],
      ),
    );
    const names = new Names(RESERVED_TYPES);
    this.root = names.take(pascalCase(words));
    this.all = named
      .filter((type) => !tags.has(type.node))
      .map((type) => {
        const name = type.node === node ? this.root : names.take(pascalCase(type.words));
        return toType(type.node as RustType['node'], name, tags);
      });
    this.#byNode = new Map(this.all.map((type) => [type.node, type]));
  }

  /** The type of a part of the shape that has one of its own. */
  typeOf(node: RustType['node']): RustType {
    return this.#byNode.get(node)!;
  }

  /** Whether a part of the shape has a type of its own. */
  has(node: ShapeNode): boolean {
    return this.#byNode.has(node);
  }

  /** How its type is written. */
  declarationOf(node: ShapeNode): string {
    const of = (part: ShapeNode) => this.declarationOf(part);
    return visit(node, {
      ...alike(['integer', 'bigint', 'float'], ({ type }) => type),
      boolean: () => 'bool',
      timestamp: () => 'mp::Timestamp',
      unknown: () => 'mp::Raw',
      string: () => 'String',
      bytes: () => 'Vec<u8>',
      nullable: (nullable) => `Option<${of(nullable.of)}>`,
      array: ({ item }) => `Vec<${of(item)}>`,
      map: ({ key, value }) => `BTreeMap<${of(key)}, ${of(value)}>`,
      ...alike(NAMED, (named) => this.typeOf(named).name),
    });
  }
}

function isNamed(node: ShapeNode): boolean {
  return NAMED.some((kind) => kind === node.kind);
}

function toType(node: RustType['node'], name: string, tags: ReadonlySet<ShapeNode>): RustType {
  const type = { node, name, fields: [], variants: [] };
  const variantsOf = (texts: readonly string[]) => {
    const variants = new Names(RESERVED_TYPES);
    return texts.map((text) => variants.take(pascalCase(wordsOf(text, 'empty'))));
  };
  return visit(node, {
    oneOf: ({ values }) => ({ ...type, variants: variantsOf(values) }),
    struct: ({ fields }) => {
      const members = new Names(RESERVED);
      return {
        ...type,
        fields: fields.map((field) => ({
          field,
          member: tags.has(field.node) ? undefined : members.take(snakeCase(wordsOf(field.name, 'field'))),
        })),
      };
    },
    union: ({ variants }) => ({ ...type, variants: variantsOf(variants.map((variant) => variant.name)) }),
  });
}
