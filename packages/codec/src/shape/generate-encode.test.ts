import { describe, expect, it } from 'vitest';
import {
  array,
  bytes,
  f32,
  f64,
  i16,
  map,
  nullable,
  oneOf,
  optional,
  record,
  type Shape,
  string,
  struct,
  timestamp,
  u32,
  u64,
  union,
  unknown,
} from '../index.js';
import { generateEncode } from './generate-encode.js';
import { LastTexts, SHORTEST_WRITTEN } from './last-text.js';
import { checkSettings } from './settings.js';

const START = 7;
/** More than are compared one by one. */
const many = ['none', ...Array.from({ length: 20 }, (_, index) => `é${index}`)] as const satisfies string[];

const cases: readonly (readonly [string, Shape, unknown])[] = [
  [
    'numbers',
    struct({ a: u32(), b: i16(), c: f64(), d: f32(), e: u64() }),
    { a: 70_000, b: -300, c: 1.5, d: 2.5, e: 5n },
  ],
  ['short strings', struct({ a: string(), b: string() }), { a: 'abc', b: 'é€😀' }],
  ['long strings', struct({ a: string(), b: u32() }), { a: 'ä'.repeat(200), b: 1 }],
  ['one of many', array(oneOf(...many)), [...many]],
  ['bytes', struct({ a: bytes(), b: bytes() }), { a: new Uint8Array(5), b: new Uint8Array(300) }],
  ['arrays', array(nullable(string())), ['a', null, 'b'.repeat(30), null]],
  [
    'structs in arrays',
    array(struct({ x: f64(), y: optional(string()) })),
    [{ x: 1 }, { x: 2, y: 'y' }, { x: 3 }],
  ],
  [
    'maps',
    map(string(), oneOf('left', 'right')),
    new Map([
      ['a', 'left'],
      ['b'.repeat(25), 'right'],
    ]),
  ],
  ['records', record(timestamp()), { a: new Date(0), b: new Date(1), c: new Date(-1) }],
  ['unions', array(union('t', { a: struct({ x: u32() }), b: struct({}) })), [{ t: 'a', x: 1 }, { t: 'b' }]],
  ['an unknown value', unknown(), { deep: [1, 'x'.repeat(40)] }],
  ['unknown values', struct({ a: unknown(), b: u32() }), { a: { deep: [1, 'x'.repeat(40)] }, b: 2 }],
];

describe.each(['map', 'array'] as const)('the generated encoder, structs as %s', (layout) => {
  it.each(cases)('leaves everything alone beyond the limit: %s', (_name, shape, value) => {
    const encode = generateEncode(shape.node, checkSettings({ layout }), new LastTexts(SHORTEST_WRITTEN)).any;
    const whole = new Uint8Array(10_000);
    const end = encode(value, whole, START, whole.length);
    expect(end).toBeGreaterThan(START);
    let refused = 0;
    // Some more than it takes, since it may want more than it needs.
    for (let limit = 0; limit < end + 1000; limit += 1) {
      const target = new Uint8Array(limit + 1000).fill(0xaa);
      const reached = encode(value, target, START, limit);
      expect(
        target.subarray(limit).every((byte) => byte === 0xaa),
        `limit ${limit}`,
      ).toBe(true);
      if (reached === -1) {
        refused += 1;
      } else {
        expect(reached).toBe(end);
        expect(limit).toBeGreaterThanOrEqual(end);
        expect(Buffer.compare(target.subarray(START, end), whole.subarray(START, end))).toBe(0);
        expect(target.subarray(end).every((byte) => byte === 0xaa)).toBe(true);
      }
    }
    expect(refused).toBeGreaterThanOrEqual(end);
  });
});
