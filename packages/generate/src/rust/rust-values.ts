import type { BigintNode, IntegerNode, MapNode, ShapeNode } from '@mmfbus/codec';
import { alike, visit } from '@mmfbus/codec/internal';
import { expectedOf } from '../expected.js';
import { NAMED, type RustTypes } from './rust-types.js';
import { literal } from './words.js';

const BIGINTS = { u64: '0, u64::MAX as i128', i64: 'i64::MIN as i128, i64::MAX as i128' } as const;

/** An expression that reads a value from `reader`: a `Result`. */
export function readOf(types: RustTypes, node: ShapeNode): string {
  const expected = literal(expectedOf(node));
  const inner = (part: ShapeNode) => `|reader| ${readOf(types, part)}`;
  return visit(node, {
    ...alike(['integer', 'bigint'], (integer) => {
      const read = `mp::read_integer(reader, ${boundsOf(integer)}, ${expected})`;
      return `${read}.map(|number| number as ${integer.type})`;
    }),
    float: ({ type }) => `mp::read_${type}(reader)`,
    boolean: () => 'mp::read_bool(reader)',
    timestamp: () => 'mp::read_timestamp(reader)',
    unknown: () => 'mp::read_raw(reader)',
    ...alike(
      ['string', 'bytes'],
      ({ kind, maxLength }) => `mp::read_${kind}(reader, ${limit(maxLength)}, ${expected})`,
    ),
    nullable: ({ of }) => `mp::read_nullable(reader, ${inner(of)})`,
    array: ({ item, maxItems }) => `mp::read_array(reader, ${limit(maxItems)}, ${expected}, ${inner(item)})`,
    map: (map) => {
      const key = hasNames(map) ? 'mp::read_name' : inner(map.key);
      return `mp::read_map(reader, ${key}, ${inner(map.value)})`;
    },
    ...alike(NAMED, (named) => `${types.typeOf(named).name}::read(reader)`),
  });
}

/**
 * An expression that writes a value to `out`: a `Result<()>`.
 *
 * @param place the value.
 * @param reference a reference to it.
 */
export function writeOf(types: RustTypes, node: ShapeNode, place: string, reference: string): string {
  const expected = literal(expectedOf(node));
  const inner = (part: ShapeNode, name: string) => `|out, ${name}| ${writeOf(types, part, `*${name}`, name)}`;
  return visit(node, {
    ...alike(
      ['integer', 'bigint'],
      (integer) => `mp::write_integer(out, i128::from(${place}), ${boundsOf(integer)}, ${expected})`,
    ),
    float: ({ type }) => `mp::write_${type}(out, ${place})`,
    boolean: () => `mp::write_bool(out, ${place})`,
    timestamp: () => `mp::write_timestamp(out, ${reference})`,
    unknown: () => `mp::write_raw(out, ${reference})`,
    ...alike(
      ['string', 'bytes'],
      ({ kind, maxLength }) => `mp::write_${kind}(out, ${reference}, ${limit(maxLength)}, ${expected})`,
    ),
    nullable: ({ of }) => `mp::write_nullable(out, ${reference}, ${inner(of, 'value')})`,
    array: ({ item, maxItems }) =>
      `mp::write_array(out, ${reference}, ${limit(maxItems)}, ${expected}, ${inner(item, 'item')})`,
    map: (map) => {
      const key = hasNames(map) ? '|out, key| mp::write_name(out, key)' : inner(map.key, 'key');
      return `mp::write_map(out, ${reference}, ${key}, ${inner(map.value, 'value')})`;
    },
    ...alike(NAMED, (named) => `${types.typeOf(named).name}::write(${reference}, out)`),
  });
}

/** The least and the greatest value of an integer, as two arguments. */
function boundsOf(node: IntegerNode | BigintNode): string {
  return node.kind === 'bigint' ? BIGINTS[node.type] : `${node.min}, ${node.max}`;
}

/** Whether the keys become those of a plain object in JavaScript. */
function hasNames(node: MapNode): boolean {
  return node.as === 'object' && node.key.kind === 'string';
}

function limit(most: number | undefined): string {
  return most === undefined ? 'usize::MAX' : String(most);
}
