import type { ArrayNode, MapNode, OneOfNode, ShapeNode, StructNode, UnionNode } from '@mmfbus/codec';
import { alike, visit } from '@mmfbus/codec/internal';
import { expectedOf, pathPart } from '../expected.js';
import { takesNil } from '../nil.js';
import type { SourceText } from '../source-text.js';
import { type CField, type CType, type CTypes, NAMED } from './c-types.js';
import { boundsOf, limit } from './limits.js';
import { byteLength, literal } from './words.js';

/** Writes the functions that read the types of a shape. */
export class CDecode {
  readonly #types: CTypes;
  readonly #layout: 'map' | 'array';

  constructor(types: CTypes, layout: 'map' | 'array') {
    this.#types = types;
    this.#layout = layout;
  }

  /** An expression that reads a value into `target`, an lvalue; false when it is refused. */
  read(node: ShapeNode, target: string): string {
    const expected = literal(expectedOf(node));
    return visit(node, {
      ...alike(
        ['integer', 'bigint'],
        (integer) => `mmfbus_shape__read_${integer.type}(in, ${boundsOf(integer)}, ${expected}, &${target})`,
      ),
      float: ({ type }) => `mmfbus_shape__read_${type === 'f64' ? 'double' : 'float'}(in, &${target})`,
      boolean: () => `mmfbus_shape__read_bool(in, &${target})`,
      timestamp: () => `mmfbus_shape__read_timestamp(in, &${target})`,
      unknown: () => `mmfbus_shape__read_raw(in, &${target})`,
      string: ({ maxLength }) =>
        `mmfbus_shape__read_string(in, ${limit(maxLength, 'MMFBUS_SHAPE__NO_LIMIT')}, ${expected}, &${target})`,
      bytes: ({ maxLength }) =>
        `mmfbus_shape__read_bytes(in, ${limit(maxLength, 'MMFBUS_SHAPE__MOST_BYTES')}, ${expected}, &${target})`,
      ...alike(NAMED, (named) => `${this.#types.typeOf(named).name}__read(in, &${target})`),
    });
  }

  /** Writes the function of a type. */
  define(out: SourceText, type: CType): void {
    const { name } = type;
    out.block(`static inline bool ${name}__read(mmfbus_shape__input *in, ${name} *value) {`, () => {
      visit(type.node, {
        oneOf: (node) => oneOf(out, type, node),
        nullable: ({ of }) => {
          out.add('memset(value, 0, sizeof *value);', 'value->has_value = !mmfbus_shape__read_nil(in);');
          out.add(`return !value->has_value || ${this.read(of, 'value->value')};`);
        },
        array: (node) => this.#array(out, node),
        map: (node) => this.#map(out, type, node),
        struct: (node) =>
          this.#layout === 'map' ? this.#struct(out, type, node) : this.#tuple(out, type, node),
        union: (node) => this.#union(out, type, node),
      });
    });
    out.add('');
  }

  #array(out: SourceText, node: ArrayNode): void {
    const item = this.#types.declarationOf(node.item);
    const most = limit(node.maxItems, 'MMFBUS_SHAPE__MOST_ITEMS');
    out.add('uint32_t count;', 'void *room;', `${item} *items;`);
    out.add('value->items = NULL;', 'value->count = 0;');
    out.add(
      `if (!mmfbus_shape__read_array(in, ${most}, ${literal(expectedOf(node))}, &count)) return false;`,
      'if (!mmfbus_shape__reserve(in, count, sizeof *items, &room)) return false;',
      `items = (${item} *)room;`,
    );
    out.block('for (uint32_t index = 0; index < count; index++) {', () => {
      out.add(
        `if (!${this.read(node.item, 'items[index]')}) return mmfbus_shape__in_item(in->problem, index);`,
      );
    });
    out.add('value->items = items;', 'value->count = count;', 'return true;');
  }

  #map(out: SourceText, { companion }: CType, node: MapNode): void {
    out.add('uint32_t count;', 'void *room;', `${companion} *entries;`);
    out.add('value->entries = NULL;', 'value->count = 0;');
    out.add(
      'if (!mmfbus_shape__read_map(in, MMFBUS_SHAPE__MOST_ITEMS, "map", &count)) return false;',
      'if (!mmfbus_shape__reserve(in, count, sizeof *entries, &room)) return false;',
      `entries = (${companion} *)room;`,
    );
    out.block('for (uint32_t index = 0; index < count; index++) {', () => {
      out.add(
        `if (!${this.read(node.key, 'entries[index].key')}) return mmfbus_shape__in_item(in->problem, index);`,
      );
      if (node.as === 'object' && node.key.kind === 'string') {
        out.add(
          'if (mmfbus_shape__is_proto(entries[index].key)) return mmfbus_shape__refuse(in, "a key", "__proto__");',
        );
      }
      out.add(
        `if (!${this.read(node.value, 'entries[index].value')}) return mmfbus_shape__in_item(in->problem, index);`,
      );
    });
    out.add('value->entries = entries;', 'value->count = count;', 'return true;');
  }

  #struct(out: SourceText, type: CType, node: StructNode): void {
    out.add('uint32_t count;');
    const required = node.fields.filter((field) => !field.optional);
    for (const [index] of required.entries()) out.add(`bool seen_${index} = false;`);
    out.add('memset(value, 0, sizeof *value);');
    out.add('if (!mmfbus_shape__read_map(in, MMFBUS_SHAPE__NO_LIMIT, "struct", &count)) return false;');
    out.block('for (; count > 0; count--) {', () => {
      out.add('mmfbus_string key;', 'if (!mmfbus_shape__read_key(in, &key)) return false;');
      for (const [index, field] of node.fields.entries()) {
        const test = `mmfbus_shape__is_key(key, ${literal(field.name)}, ${byteLength(field.name)})`;
        out.add(`${index === 0 ? '' : '} else '}if (${test}) {`);
        out.indented(() => {
          this.#field(out, type, field.node, field.name);
          if (!field.optional) out.add(`seen_${required.indexOf(field)} = true;`);
        });
      }
      if (node.fields.length === 0) out.add('if (!mmfbus_shape__skip(in)) return false;');
      else out.add('} else if (!mmfbus_shape__skip(in)) {', '    return false;', '}');
    });
    for (const [index, field] of required.entries()) {
      out.add(`if (!seen_${index}) ${missing(field.name, field.node)}`);
    }
    out.add('return true;');
  }

  #tuple(out: SourceText, type: CType, node: StructNode): void {
    const last = node.fields.length;
    out.add('uint32_t count;', 'memset(value, 0, sizeof *value);');
    out.add(
      'if (!mmfbus_shape__read_array(in, MMFBUS_SHAPE__NO_LIMIT, "struct as an array", &count)) return false;',
    );
    for (const [index, field] of node.fields.entries()) {
      if (!field.optional) out.add(`if (count <= ${index}) ${missing(field.name, field.node)}`);
      out.block(field.optional ? `if (count > ${index}) {` : '{', () => {
        this.#field(out, type, field.node, field.name);
      });
    }
    out.block(`for (; count > ${last}; count--) {`, () =>
      out.add('if (!mmfbus_shape__skip(in)) return false;'),
    );
    out.add('return true;');
  }

  /** Reads what belongs to a field, the key having been read. */
  #field(out: SourceText, type: CType, node: ShapeNode, name: string): void {
    const refused = `return mmfbus_shape__in_part(in, ${literal(pathPart(name))});`;
    const stored = type.fields.find(({ field }) => field.name === name);
    if (stored === undefined) {
      const [tag = ''] = (node as OneOfNode).values;
      const expected = literal(expectedOf(node));
      out.add(
        `if (!mmfbus_shape__read_tag(in, ${literal(tag)}, ${byteLength(tag)}, ${expected})) ${refused}`,
      );
      return;
    }
    const read = this.read(node, `value->${stored.member}`);
    if (stored.presence === undefined) {
      out.add(`if (!${read}) ${refused}`);
      return;
    }
    out.add(`value->${stored.presence} = ${nilIsMissing(stored) ? '!mmfbus_shape__read_nil(in)' : 'true'};`);
    out.add(`if (value->${stored.presence} && !${read}) ${refused}`);
  }

  #union(out: SourceText, type: CType, node: UnionNode): void {
    const { tag, variants } = node;
    const part = literal(pathPart(tag));
    const expected = literal(expectedOf(node));
    out.add('mmfbus_string tag;', 'memset(value, 0, sizeof *value);');
    const find =
      this.#layout === 'map'
        ? `mmfbus_shape__find_tag(in, ${literal(tag)}, ${byteLength(tag)}, ${part}, ${expected}, &tag)`
        : `mmfbus_shape__first_tag(in, ${part}, ${expected}, &tag)`;
    out.add(`if (!${find}) return false;`);
    for (const [index, { constant, text, member }] of type.choices.entries()) {
      out.block(`if (mmfbus_shape__same(tag, ${literal(text)}, ${byteLength(text)})) {`, () => {
        out.add(`value->kind = ${constant};`);
        out.add(`return ${this.read(variants[index]!.struct, `value->as.${member}`)};`);
      });
    }
    out.add(`return mmfbus_shape__unknown_tag(in, ${part}, ${expected}, tag);`);
  }
}

function oneOf(out: SourceText, { name, companion, choices }: CType, node: OneOfNode): void {
  const expected = literal(expectedOf(node));
  out.add('uint32_t choice;');
  out.add(
    `if (!mmfbus_shape__read_choice(in, ${companion}, ${choices.length}, ${expected}, &choice)) return false;`,
  );
  out.add(`*value = (${name})choice;`, 'return true;');
}

function missing(name: string, node: ShapeNode): string {
  return `return mmfbus_shape__missing(in, ${literal(pathPart(name))}, ${literal(expectedOf(node))});`;
}

function nilIsMissing({ field }: CField): boolean {
  return !takesNil(field.node);
}
