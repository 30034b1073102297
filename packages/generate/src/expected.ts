import type { ShapeNode } from '@mmfbus/codec';
import { alike, type Visitor, visit } from '@mmfbus/codec/internal';

const VALUES_SHOWN = 6;

/** What the integers of each width hold: as numbers where the shape has numbers. */
export const FREE: Readonly<Record<string, readonly [min: number, max: number]>> = {
  u8: [0, 0xff],
  u16: [0, 0xffff],
  u32: [0, 0xffff_ffff],
  u64: [0, Number.MAX_SAFE_INTEGER],
  i8: [-0x80, 0x7f],
  i16: [-0x8000, 0x7fff],
  i32: [-0x8000_0000, 0x7fff_ffff],
  i64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
};

/** The shape in a few words of printable ASCII, as the errors of the generated code name it. */
export function expectedOf(node: ShapeNode): string {
  return visit(node, EXPECTED);
}

const EXPECTED: Visitor<string> = {
  ...alike(['boolean', 'timestamp', 'unknown', 'map', 'struct'], ({ kind }) => kind),
  ...alike(['bigint', 'float'], ({ type }) => type),
  integer: (node) => {
    const [min, max] = FREE[node.type]!;
    if (node.min === min && node.max === max) return node.type;
    return `${node.type} from ${node.min} to ${node.max}`;
  },
  string: ({ maxLength }) =>
    maxLength === undefined ? 'string' : `string of at most ${maxLength} characters`,
  bytes: ({ maxLength }) => (maxLength === undefined ? 'bytes' : `at most ${maxLength} bytes`),
  oneOf: ({ values }) => `one of ${listed(values)}`,
  nullable: ({ of }) => `${expectedOf(of)} or null`,
  array: ({ maxItems }) => (maxItems === undefined ? 'array' : `array of at most ${maxItems} items`),
  union: ({ tag, variants }) =>
    `struct with ${quoted(tag)} one of ${listed(variants.map(({ name }) => name))}`,
};

/** Where a field is, as part of a path: `.price`, `["a b"]`. */
export function pathPart(name: string): string {
  return /^[A-Za-z_$][A-Za-z0-9_$]{0,39}$/.test(name) ? `.${name}` : `[${quoted(name)}]`;
}

function listed(values: readonly string[]): string {
  const shown = values.slice(0, VALUES_SHOWN).map(quoted);
  return shown.join(', ') + (values.length > VALUES_SHOWN ? ', ...' : '');
}

function quoted(text: string): string {
  const short = text.length > 30 ? `${text.slice(0, 30)}...` : text;
  return JSON.stringify(short).replace(/[^\x20-\x7e]/g, '?');
}
