import type { ArrayNode, MapNode, OneOfNode, ShapeNode, StructNode, UnionNode } from '@mmfbus/codec';
import { alike, visit } from '@mmfbus/codec/internal';
import { expectedOf, pathPart } from '../expected.js';
import type { SourceText } from '../source-text.js';
import { type CType, type CTypes, NAMED } from './c-types.js';
import { boundsOf, limit } from './limits.js';
import { byteLength, literal } from './words.js';

/** Writes the functions that write the types of a shape. */
export class CEncode {
  readonly #types: CTypes;
  readonly #layout: 'map' | 'array';

  constructor(types: CTypes, layout: 'map' | 'array') {
    this.#types = types;
    this.#layout = layout;
  }

  /** An expression that writes the lvalue `source`; false when it is refused. */
  write(node: ShapeNode, source: string): string {
    const expected = literal(expectedOf(node));
    return visit(node, {
      ...alike(['integer', 'bigint'], (integer) => {
        const kind = integer.type.startsWith('u') ? 'natural' : 'integer';
        return `mmfbus_shape__write_${kind}(out, ${boundsOf(integer)}, ${expected}, ${source})`;
      }),
      float: ({ type }) => `mmfbus_shape__write_${type === 'f64' ? 'double' : 'float'}(out, ${source})`,
      boolean: () => `mmfbus_shape__write_bool(out, ${source})`,
      timestamp: () => `mmfbus_shape__write_timestamp(out, ${source})`,
      unknown: () => `mmfbus_shape__write_raw(out, ${source})`,
      string: ({ maxLength }) =>
        `mmfbus_shape__write_string(out, ${limit(maxLength, 'MMFBUS_SHAPE__NO_LIMIT')}, ${expected}, ${source})`,
      bytes: ({ maxLength }) =>
        `mmfbus_shape__write_bytes(out, ${limit(maxLength, 'MMFBUS_SHAPE__MOST_BYTES')}, ${expected}, ${source})`,
      ...alike(NAMED, (named) => `${this.#types.typeOf(named).name}__write(out, &${source})`),
    });
  }

  /** Writes the function of a type. */
  define(out: SourceText, type: CType): void {
    const { name } = type;
    out.block(`static inline bool ${name}__write(mmfbus_shape__output *out, const ${name} *value) {`, () => {
      visit(type.node, {
        oneOf: (node) => oneOf(out, type, node),
        nullable: ({ of }) => {
          out.add('if (!value->has_value) return mmfbus_shape__write_nil(out);');
          out.add(`return ${this.write(of, 'value->value')};`);
        },
        array: (node) => this.#array(out, node),
        map: (node) => this.#map(out, node),
        struct: (node) => this.#struct(out, type, node),
        union: (node) => this.#union(out, type, node),
      });
    });
    out.add('');
  }

  #array(out: SourceText, node: ArrayNode): void {
    const most = limit(node.maxItems, 'MMFBUS_SHAPE__MOST_ITEMS');
    out.add(
      `if (!mmfbus_shape__write_array(out, ${most}, ${literal(expectedOf(node))}, value->count)) return false;`,
    );
    out.block('for (size_t index = 0; index < value->count; index++) {', () => {
      const write = this.write(node.item, 'value->items[index]');
      out.add(`if (!${write}) return mmfbus_shape__in_item(out->problem, index);`);
    });
    out.add('return true;');
  }

  #map(out: SourceText, node: MapNode): void {
    out.add('if (!mmfbus_shape__write_map(out, MMFBUS_SHAPE__MOST_ITEMS, value->count)) return false;');
    out.block('for (size_t index = 0; index < value->count; index++) {', () => {
      if (node.as === 'object' && node.key.kind === 'string') {
        const test = 'mmfbus_shape__is_proto(value->entries[index].key)';
        out.add(`if (${test}) return mmfbus_shape__deny(out, "a key", "__proto__");`);
      }
      for (const [part, member] of [
        [node.key, 'key'],
        [node.value, 'value'],
      ] as const) {
        const write = this.write(part, `value->entries[index].${member}`);
        out.add(`if (!${write}) return mmfbus_shape__in_item(out->problem, index);`);
      }
    });
    out.add('return true;');
  }

  #struct(out: SourceText, type: CType, node: StructNode): void {
    const optional = type.fields.flatMap(({ presence }) => (presence === undefined ? [] : [presence]));
    const always = node.fields.length - optional.length;
    if (this.#layout === 'map') {
      const added = optional.map((presence) => ` + (value->${presence} ? 1u : 0u)`).join('');
      out.add(`mmfbus_mp_map(out->writer, ${always}u${added});`);
    } else {
      out.add(`mmfbus_mp_array(out->writer, ${node.fields.length}u);`);
    }
    if (type.fields.length === 0) out.add('(void)value;');
    for (const field of node.fields) this.#field(out, type, field.node, field.name);
    out.add('return true;');
  }

  #field(out: SourceText, type: CType, node: ShapeNode, name: string): void {
    const isMap = this.#layout === 'map';
    const key = `mmfbus_mp_text(out->writer, ${literal(name)}, ${byteLength(name)});`;
    const stored = type.fields.find(({ field }) => field.name === name);
    if (stored === undefined) {
      const [tag = ''] = (node as OneOfNode).values;
      if (isMap) out.add(key);
      out.add(`mmfbus_mp_text(out->writer, ${literal(tag)}, ${byteLength(tag)});`);
      return;
    }
    const write = () => {
      if (isMap) out.add(key);
      out.add(
        `if (!${this.write(node, `value->${stored.member}`)}) return mmfbus_shape__from_part(out, ${literal(pathPart(name))});`,
      );
    };
    if (stored.presence === undefined) {
      write();
      return;
    }
    out.block(`if (value->${stored.presence}) {`, write, isMap ? '}' : '');
    if (!isMap) out.add('} else {', '    mmfbus_mp_nil(out->writer);', '}');
  }

  #union(out: SourceText, type: CType, { tag, variants }: UnionNode): void {
    out.block('switch (value->kind) {', () => {
      for (const [index, { constant, member }] of type.choices.entries()) {
        out.add(`case ${constant}: return ${this.write(variants[index]!.struct, `value->as.${member}`)};`);
      }
    });
    out.add(
      `mmfbus_shape__deny(out, ${literal(expectedOf(type.node))}, "none of them");`,
      `return mmfbus_shape__from_part(out, ${literal(pathPart(tag))});`,
    );
  }
}

function oneOf(out: SourceText, { companion, choices }: CType, node: OneOfNode): void {
  const expected = literal(expectedOf(node));
  out.add(
    `return mmfbus_shape__write_choice(out, ${companion}, ${choices.length}, ${expected}, (uint32_t)*value);`,
  );
}
