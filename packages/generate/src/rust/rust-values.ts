import type { ShapeNode } from '@mmfbus/codec';
import { expectedOf } from '../expected.js';
import type { RustTypes } from './rust-types.js';
import { literal } from './words.js';

const BIGINTS = { u64: '0, u64::MAX as i128', i64: 'i64::MIN as i128, i64::MAX as i128' } as const;

/** An expression that reads a value from `reader`: a `Result`. */
export function readOf(types: RustTypes, node: ShapeNode): string {
  const expected = literal(expectedOf(node));
  const inner = (part: ShapeNode) => `|reader| ${readOf(types, part)}`;
  switch (node.kind) {
    case 'integer':
    case 'bigint': {
      const bounds = node.kind === 'bigint' ? BIGINTS[node.type] : `${node.min}, ${node.max}`;
      return `mp::read_integer(reader, ${bounds}, ${expected}).map(|number| number as ${node.type})`;
    }
    case 'float':
      return `mp::read_${node.type}(reader)`;
    case 'boolean':
      return 'mp::read_bool(reader)';
    case 'timestamp':
      return 'mp::read_timestamp(reader)';
    case 'unknown':
      return 'mp::read_raw(reader)';
    case 'string':
    case 'bytes':
      return `mp::read_${node.kind}(reader, ${limit(node.maxLength)}, ${expected})`;
    case 'nullable':
      return `mp::read_nullable(reader, ${inner(node.of)})`;
    case 'array':
      return `mp::read_array(reader, ${limit(node.maxItems)}, ${expected}, ${inner(node.item)})`;
    case 'map': {
      const key = isName(node) ? 'mp::read_name' : inner(node.key);
      return `mp::read_map(reader, ${key}, ${inner(node.value)})`;
    }
    default:
      return `${types.typeOf(node)!.name}::read(reader)`;
  }
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
  switch (node.kind) {
    case 'integer':
    case 'bigint': {
      const bounds = node.kind === 'bigint' ? BIGINTS[node.type] : `${node.min}, ${node.max}`;
      return `mp::write_integer(out, i128::from(${place}), ${bounds}, ${expected})`;
    }
    case 'float':
      return `mp::write_${node.type}(out, ${place})`;
    case 'boolean':
      return `mp::write_bool(out, ${place})`;
    case 'timestamp':
      return `mp::write_timestamp(out, ${reference})`;
    case 'unknown':
      return `mp::write_raw(out, ${reference})`;
    case 'string':
    case 'bytes':
      return `mp::write_${node.kind}(out, ${reference}, ${limit(node.maxLength)}, ${expected})`;
    case 'nullable':
      return `mp::write_nullable(out, ${reference}, ${inner(node.of, 'value')})`;
    case 'array': {
      const most = limit(node.maxItems);
      return `mp::write_array(out, ${reference}, ${most}, ${expected}, ${inner(node.item, 'item')})`;
    }
    case 'map': {
      const key = isName(node) ? '|out, key| mp::write_name(out, key)' : inner(node.key, 'key');
      return `mp::write_map(out, ${reference}, ${key}, ${inner(node.value, 'value')})`;
    }
    default:
      return `${types.typeOf(node)!.name}::write(${reference}, out)`;
  }
}

/** Whether the keys become those of a plain object in JavaScript. */
function isName(node: ShapeNode): boolean {
  return node.kind === 'map' && node.as === 'object' && node.key.kind === 'string';
}

function limit(most: number | undefined): string {
  return most === undefined ? 'usize::MAX' : String(most);
}
