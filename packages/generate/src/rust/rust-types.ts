import type { FieldNode, OneOfNode, ShapeNode, StructNode, UnionNode } from '@mmfbus/codec';
import { namedTypes } from '../named-types.js';
import { Names, pascalCase, snakeCase, wordsOf } from '../names.js';
import type { Target } from '../target.js';
import { RESERVED, RESERVED_TYPES } from './words.js';

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
        return toType(type.node, name, tags);
      });
    this.#byNode = new Map(this.all.map((type) => [type.node, type]));
  }

  /** The type that a part of the shape has of its own. */
  typeOf(node: ShapeNode): RustType | undefined {
    return this.#byNode.get(node);
  }

  /** How its type is written. */
  declarationOf(node: ShapeNode): string {
    switch (node.kind) {
      case 'integer':
      case 'bigint':
      case 'float':
        return node.type;
      case 'boolean':
        return 'bool';
      case 'timestamp':
        return 'mp::Timestamp';
      case 'unknown':
        return 'mp::Raw';
      case 'string':
        return 'String';
      case 'bytes':
        return 'Vec<u8>';
      case 'nullable':
        return `Option<${this.declarationOf(node.of)}>`;
      case 'array':
        return `Vec<${this.declarationOf(node.item)}>`;
      case 'map':
        return `BTreeMap<${this.declarationOf(node.key)}, ${this.declarationOf(node.value)}>`;
      default:
        return this.#byNode.get(node)!.name;
    }
  }
}

function isNamed(node: ShapeNode): boolean {
  return node.kind === 'oneOf' || node.kind === 'struct' || node.kind === 'union';
}

function toType(node: ShapeNode, name: string, tags: ReadonlySet<ShapeNode>): RustType {
  const type = { node: node as RustType['node'], name, fields: [], variants: [] };
  if (node.kind === 'struct') {
    const members = new Names(RESERVED);
    const fields = node.fields.map((field) => ({
      field,
      member: tags.has(field.node) ? undefined : members.take(snakeCase(wordsOf(field.name, 'field'))),
    }));
    return { ...type, fields };
  }
  const variants = new Names(RESERVED_TYPES);
  const texts =
    node.kind === 'oneOf' ? node.values : (node as UnionNode).variants.map((variant) => variant.name);
  return { ...type, variants: texts.map((text) => variants.take(pascalCase(wordsOf(text, 'empty')))) };
}
