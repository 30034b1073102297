import type {
  ArrayNode,
  FieldNode,
  MapNode,
  NullableNode,
  OneOfNode,
  ShapeNode,
  StructNode,
  UnionNode,
} from '@mmfbus/codec';
import { alike, visit } from '@mmfbus/codec/internal';
import { type NamedType, namedTypes } from '../named-types.js';
import { Names, snakeCase, upperCase, wordsOf } from '../names.js';
import type { Target } from '../target.js';
import { RESERVED } from './words.js';

/** The kinds that become a type with a name. */
export const NAMED = ['oneOf', 'nullable', 'array', 'map', 'struct', 'union'] as const;

/** A field of a struct, in C. */
export interface CField {
  readonly field: FieldNode;
  /** The member. */
  readonly member: string;
  /** The member that says whether it is there; undefined where it always is. */
  readonly presence: string | undefined;
}

/** One of several: a string of a `oneOf`, or a variant of a union. */
export interface CChoice {
  readonly constant: string;
  readonly text: string;
  /** The member of a union. */
  readonly member: string;
}

/** A type of C, with the names that are in it. */
export interface CType {
  readonly node: OneOfNode | NullableNode | ArrayNode | MapNode | StructNode | UnionNode;
  readonly name: string;
  readonly fields: readonly CField[];
  readonly choices: readonly CChoice[];
  /** What goes with it: the enumeration of a union, the entry of a map, the array of the strings of a `oneOf`. */
  readonly companion: string;
}

/** All types of a shape in C, what a type is made of before it. */
export class CTypes {
  readonly all: readonly CType[];
  /** Tags of unions: they are not stored, since the union itself says it. */
  readonly tags: ReadonlySet<ShapeNode>;
  readonly #byNode: ReadonlyMap<ShapeNode, CType>;

  constructor({ node, words }: Target) {
    const prefix = snakeCase(words);
    const named = namedTypes(node, words, isNamed);
    this.tags = tagsOf(named);
    const functions = ['decode', 'encode', 'describe'].map((name) => `${prefix}_${name}`);
    const types = new Names(RESERVED, functions);
    const constants = new Names(
      new Set(),
      ['H', 'SCHEMA', 'FINGERPRINT', 'CODEC', 'MAX_SIZE'].map((name) => `${upperCase(words)}_${name}`),
    );
    // The whole has the name that was asked for, whatever its parts are called.
    const rootName = types.take(snakeCase(named.find((type) => type.node === node)?.words ?? words));
    this.all = named
      .filter((type) => !this.tags.has(type.node))
      .map((type) => {
        const name = type.node === node ? rootName : types.take(snakeCase(type.words));
        return toType(type, name, types, constants, this.tags);
      });
    this.#byNode = new Map(this.all.map((type) => [type.node, type]));
  }

  /** The type of C of a part of the shape that has one of its own. */
  typeOf(node: CType['node']): CType {
    return this.#byNode.get(node)!;
  }

  /** How a variable of it is declared. */
  declarationOf(node: ShapeNode): string {
    return visit(node, {
      ...alike(
        ['integer', 'bigint'],
        ({ type }) => `${type.startsWith('u') ? 'uint' : 'int'}${type.slice(1)}_t`,
      ),
      float: ({ type }) => (type === 'f64' ? 'double' : 'float'),
      boolean: () => 'bool',
      timestamp: () => 'mmfbus_timestamp',
      string: () => 'mmfbus_string',
      ...alike(['bytes', 'unknown'], () => 'mmfbus_bytes'),
      ...alike(NAMED, (named) => this.typeOf(named).name),
    });
  }
}

function isNamed(node: ShapeNode): boolean {
  return NAMED.some((kind) => kind === node.kind);
}

function tagsOf(named: readonly NamedType[]): ReadonlySet<ShapeNode> {
  return new Set(
    named.flatMap(({ node }) =>
      node.kind === 'union' ? node.variants.map(({ struct }) => struct.fields[0]!.node) : [],
    ),
  );
}

function toType(
  { node, words }: NamedType,
  name: string,
  types: Names,
  constants: Names,
  tags: ReadonlySet<ShapeNode>,
): CType {
  const members = new Names(RESERVED);
  const choose = (text: string, otherwise: string): CChoice => {
    const own = wordsOf(text, otherwise);
    return {
      constant: constants.take(upperCase([...words, ...own])),
      text,
      member: members.take(snakeCase(own)),
    };
  };
  const type = { node: node as CType['node'], name, fields: [], choices: [], companion: '' };
  return visit(type.node, {
    ...alike(['nullable', 'array'], () => type),
    oneOf: ({ values }) => ({
      ...type,
      companion: types.take(`${name}_texts`),
      choices: values.map((value) => choose(value, 'empty')),
    }),
    map: () => ({ ...type, companion: types.take(`${name}_entry`) }),
    struct: (struct) => {
      const stored = struct.fields.filter((field) => !tags.has(field.node));
      const fields = stored.map((field) => ({
        field,
        member: members.take(snakeCase(wordsOf(field.name, 'field'))),
        presence: undefined,
      }));
      return { ...type, fields: fields.map((field) => withPresence(field, members)) };
    },
    union: ({ variants }) => ({
      ...type,
      companion: types.take(`${name}_kind`),
      choices: variants.map((variant) => choose(variant.name, 'variant')),
    }),
  });
}

function withPresence(field: CField, members: Names): CField {
  return field.field.optional ? { ...field, presence: members.take(`has_${field.member}`) } : field;
}
