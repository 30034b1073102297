import type { OneOfNode, UnionNode } from '@mmfbus/codec';
import { visit } from '@mmfbus/codec/internal';
import { expectedOf, pathPart } from '../expected.js';
import { takesNil } from '../nil.js';
import { SourceText } from '../source-text.js';
import type { Target } from '../target.js';
import { type RustField, type RustType, RustTypes } from './rust-types.js';
import { readOf, writeOf } from './rust-values.js';
import { literal } from './words.js';

const READ = "fn read(reader: &mut mp::Reader<'_>) -> mp::Result<Self> {";
const WRITE = 'fn write(&self, out: &mut Vec<u8>) -> mp::Result<()> {';

/** A module for Rust: the types of a shape, and the functions that read and write them. */
export function generateRust(target: Target): string {
  const out = new SourceText();
  out.add(
    '// Written by mmfbus-generate from a shape. Do not edit: generate it again.',
    ...ATTRIBUTES,
    '',
    IMPORT,
    '',
    '/// The codec that a channel of these values has.',
    `pub const CODEC: &str = ${literal(target.codecId)};`,
    '/// Its schema.',
    `pub const SCHEMA: &str = ${literal(target.schema)};`,
    '/// The SHA-256 of the schema.',
    `pub const FINGERPRINT: &str = "${target.fingerprint}";`,
  );
  if (target.maxSize !== undefined) {
    out.add('/// Bytes that a value takes at most.', `pub const MAX_SIZE: usize = ${target.maxSize};`);
  }
  out.add('');
  addValue(out, target);
  return out.toString();
}

/** Attributes of a module of generated code. */
export const ATTRIBUTES: readonly string[] = [
  '#![allow(dead_code, unused_imports, clippy::all, non_camel_case_types)]',
  '#![cfg_attr(rustfmt, rustfmt_skip)]',
];

/** What {@link addValue} needs at the beginning of its module. */
export const IMPORT: string = 'use crate::mmfbus_msgpack::{self as mp, BTreeMap, String, Vec};';

/**
 * Adds the types of a shape and the functions that read and write them.
 *
 * @returns what the type is called.
 */
export function addValue(out: SourceText, target: Target): string {
  const types = new RustTypes(target);
  const { node } = target;
  if (!types.has(node)) out.add(`pub type ${types.root} = ${types.declarationOf(node)};`, '');
  for (const type of types.all) {
    visit(type.node, {
      oneOf: (oneOf) => enumeration(out, type, oneOf),
      struct: () => structure(out, type, types, target.layout),
      union: (of) => union(out, type, of, types, target.layout),
    });
  }
  out.add('/// Reads a message.');
  out.block(`pub fn decode(bytes: &[u8]) -> mp::Result<${types.root}> {`, () => {
    out.add(`mp::decode(bytes, |reader| ${readOf(types, node)})`);
  });
  out.add('', '/// Writes a message.');
  out.block(`pub fn encode(value: &${types.root}) -> mp::Result<Vec<u8>> {`, () => {
    out.add('let mut out = Vec::new();', 'encode_into(value, &mut out)?;', 'Ok(out)');
  });
  out.add('', '/// Writes a message behind what is in `out`.');
  out.block(`pub fn encode_into(value: &${types.root}, out: &mut Vec<u8>) -> mp::Result<()> {`, () => {
    out.add(writeOf(types, node, '*value', 'value'));
  });
  return types.root;
}

function enumeration(out: SourceText, { name, variants }: RustType, node: OneOfNode): void {
  const texts = node.values;
  out.add('#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]');
  out.block(`pub enum ${name} {`, () => out.add(...variants.map((variant) => `${variant},`)));
  out.add('');
  out.block(`impl ${name} {`, () => {
    const all = variants.map((variant) => `${name}::${variant}`).join(', ');
    out.add(
      `const ALL: [${name}; ${variants.length}] = [${all}];`,
      `const TEXTS: [&'static str; ${texts.length}] = [${texts.map(literal).join(', ')}];`,
      '',
    );
    out.block("pub fn as_str(self) -> &'static str {", () => out.add('Self::TEXTS[self as usize]'));
    out.add('');
    out.block(READ, () => {
      const expected = literal(expectedOf(node));
      out.add(`mp::read_choice(reader, &Self::TEXTS, ${expected}).map(|index| Self::ALL[index])`);
    });
    out.add('');
    out.block(WRITE, () => out.add('mp::write_text(out, self.as_str());', 'Ok(())'));
  });
  out.add('');
}

function structure(out: SourceText, type: RustType, types: RustTypes, layout: 'map' | 'array'): void {
  const { name, fields } = type;
  out.add('#[derive(Debug, Clone, PartialEq)]');
  out.block(`pub struct ${name} {`, () => {
    for (const { field, member } of fields) {
      if (member === undefined) continue;
      const declaration = types.declarationOf(field.node);
      out.add(`pub ${member}: ${field.optional ? `Option<${declaration}>` : declaration},`);
    }
  });
  out.add('');
  out.block(`impl ${name} {`, () => {
    out.block(READ, () => readStructure(out, fields, types, layout));
    out.add('');
    out.block(WRITE, () => writeStructure(out, fields, types, layout));
  });
  out.add('');
}

function readStructure(
  out: SourceText,
  fields: readonly RustField[],
  types: RustTypes,
  layout: 'map' | 'array',
): void {
  for (const index of fields.keys()) out.add(`let mut field_${index} = None;`);
  const names = fields.map(({ field }) => literal(field.name)).join(', ');
  const what =
    layout === 'map' ? `mp::read_fields(reader, &[${names}]` : `mp::read_values(reader, ${fields.length}`;
  if (fields.length === 0) {
    out.add(`${what}, |_, _| Ok(()))?;`, 'Ok(Self {})');
    return;
  }
  out.block(
    `${what}, |reader, index| {`,
    () => {
      out.block('match index {', () => {
        for (const [index, field] of fields.entries()) {
          const pattern = index < fields.length - 1 ? index : '_';
          out.add(`${pattern} => field_${index} = ${readField(field, types)},`);
        }
      });
      out.add('Ok(())');
    },
    '})?;',
  );
  for (const [index, { field, member }] of fields.entries()) {
    if (member === undefined) out.add(`field_${index}.ok_or_else(|| ${missing(field)})?;`);
  }
  out.block(
    'Ok(Self {',
    () => {
      for (const [index, { field, member }] of fields.entries()) {
        if (member === undefined) continue;
        out.add(`${member}: field_${index}${field.optional ? '' : `.ok_or_else(|| ${missing(field)})?`},`);
      }
    },
    '})',
  );
}

function readField({ field, member }: RustField, types: RustTypes): string {
  const place = `.map_err(|error| error.within(${literal(pathPart(field.name))}))?`;
  const { node } = field;
  if (member === undefined && node.kind === 'oneOf') {
    const tag = literal(node.values[0]!);
    return `Some(mp::read_choice(reader, &[${tag}], ${literal(expectedOf(node))})${place})`;
  }
  const read = readOf(types, node);
  if (field.optional && !takesNil(node)) return `mp::read_nullable(reader, |reader| ${read})${place}`;
  return `Some(${read}${place})`;
}

function missing({ name, node }: RustField['field']): string {
  return `mp::missing(${literal(pathPart(name))}, ${literal(expectedOf(node))})`;
}

function writeStructure(
  out: SourceText,
  fields: readonly RustField[],
  types: RustTypes,
  layout: 'map' | 'array',
): void {
  const optional = fields.filter(({ field }) => field.optional);
  const added = optional.map(({ member }) => ` + usize::from(self.${member}.is_some())`).join('');
  out.add(
    layout === 'map'
      ? `mp::write_map_head(out, ${fields.length - optional.length}${added});`
      : `mp::write_array_head(out, ${fields.length});`,
  );
  for (const { field, member } of fields) {
    const key = layout === 'map' ? [`mp::write_text(out, ${literal(field.name)});`] : [];
    const place = `.map_err(|error| error.within(${literal(pathPart(field.name))}))?;`;
    if (member === undefined) {
      const tag = field.node.kind === 'oneOf' ? field.node.values[0]! : '';
      out.add(...key, `mp::write_text(out, ${literal(tag)});`);
    } else if (!field.optional) {
      out.add(...key, writeOf(types, field.node, `self.${member}`, `&self.${member}`) + place);
    } else {
      out.block(`if let Some(value) = &self.${member} {`, () => {
        out.add(...key, writeOf(types, field.node, '*value', 'value') + place);
      });
      if (layout === 'array') out.block('else {', () => out.add('mp::write_nil(out);'));
    }
  }
  out.add('Ok(())');
}

function union(
  out: SourceText,
  { name, variants }: RustType,
  node: UnionNode,
  types: RustTypes,
  layout: 'map' | 'array',
): void {
  const structs = node.variants.map(({ struct }) => types.typeOf(struct).name);
  out.add('#[derive(Debug, Clone, PartialEq)]');
  out.block(`pub enum ${name} {`, () => {
    out.add(...variants.map((variant, index) => `${variant}(${structs[index]}),`));
  });
  out.add('');
  out.block(`impl ${name} {`, () => {
    out.block(READ, () => {
      const part = literal(pathPart(node.tag));
      const tags = node.variants.map((variant) => literal(variant.name)).join(', ');
      const rest = `${part}, &[${tags}], ${literal(expectedOf(node))})?`;
      const find =
        layout === 'map' ? `mp::find_tag(reader, ${literal(node.tag)}, ` : 'mp::first_tag(reader, ';
      out.block(`match ${find}${rest} {`, () => {
        for (const [index, variant] of variants.entries()) {
          const pattern = index < variants.length - 1 ? index : '_';
          out.add(`${pattern} => ${structs[index]}::read(reader).map(${name}::${variant}),`);
        }
      });
    });
    out.add('');
    out.block(WRITE, () => {
      out.block('match self {', () => {
        out.add(...variants.map((variant) => `${name}::${variant}(value) => value.write(out),`));
      });
    });
  });
  out.add('');
}
