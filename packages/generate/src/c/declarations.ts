import type { ShapeNode } from '@mmfbus/codec';
import { visit } from '@mmfbus/codec/internal';
import type { SourceText } from '../source-text.js';
import type { CType, CTypes } from './c-types.js';
import { byteLength, literal } from './words.js';

/** Writes the declaration of a type. */
export function declare(out: SourceText, type: CType, types: CTypes): void {
  const { name, companion } = type;
  const member = (part: ShapeNode, called: string) => `${types.declarationOf(part)} ${called};`;
  visit(type.node, {
    oneOf: () => {
      enumeration(out, name, type);
      texts(out, type);
    },
    nullable: ({ of }) => structure(out, name, ['bool has_value; /* false for null */', member(of, 'value')]),
    array: ({ item }) => structure(out, name, [`const ${member(item, '*items')}`, 'size_t count;']),
    map: ({ key, value }) => {
      structure(out, companion, [member(key, 'key'), member(value, 'value')]);
      structure(out, name, [`const ${companion} *entries;`, 'size_t count;']);
    },
    struct: () =>
      structure(
        out,
        name,
        type.fields.flatMap(({ field, member: called, presence }) => [
          ...(presence === undefined ? [] : [`bool ${presence};`]),
          member(field.node, called),
        ]),
      ),
    union: ({ variants }) => {
      enumeration(out, companion, type);
      out.block(
        `typedef struct ${name} {`,
        () => {
          out.add(`${companion} kind;`);
          out.block(
            'union {',
            () => {
              for (const [index, { member: called }] of type.choices.entries()) {
                out.add(member(variants[index]!.struct, called));
              }
            },
            '} as;',
          );
        },
        `} ${name};`,
      );
      out.add('');
    },
  });
}

function enumeration(out: SourceText, name: string, { choices }: CType): void {
  const list = choices.map(({ constant }, index) => constant + (index < choices.length - 1 ? ',' : ''));
  out.block(`typedef enum ${name} {`, () => out.add(...list), `} ${name};`).add('');
}

/** The strings of a `oneOf`, by the numbers of its enumeration. */
function texts(out: SourceText, { companion, choices }: CType): void {
  const list = choices.map(({ text }) => `{${literal(text)}, ${byteLength(text)}},`);
  out.block(`static const mmfbus_string ${companion}[] = {`, () => out.add(...list), '};').add('');
}

function structure(out: SourceText, name: string, members: readonly string[]): void {
  // C has no struct without members.
  const all = members.length === 0 ? ['char nothing;'] : members;
  out.block(`typedef struct ${name} {`, () => out.add(...all), `} ${name};`).add('');
}
