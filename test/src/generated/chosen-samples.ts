import {
  array,
  boolean,
  bytes,
  f32,
  f64,
  i8,
  i32,
  i64,
  map,
  nullable,
  oneOf,
  optional,
  record,
  type Shape,
  string,
  struct,
  timestamp,
  u8,
  u16,
  u32,
  u64,
  union,
  unknown,
} from '@mmfbus/codec';
import { type Sample, sampleOf } from './samples.js';

/** Shapes with what random ones do not have: all kinds of limits, and optional fields whose values may be null. */
export function chosenSamples(): readonly Sample[] {
  const limited = struct({
    text: string({ maxLength: 3 }),
    data: bytes({ maxLength: 4 }),
    list: array(i8({ min: -5, max: 5 }), { maxItems: 2 }),
    big: u64({ as: 'number', min: 10 }),
    small: i64({ as: 'number', max: -(2 ** 40) }),
    keys: map(u16({ min: 3, max: 300 }), oneOf('type', 'Type', 'class')),
  });
  const leveled = struct({ level: optional(nullable(limited)), kind: optional(nullable(u16())) });
  const event = union('class', { Some: struct({}), none: struct({ class_: i8() }), 'so me': leveled });
  const value = {
    text: 'ä€🏦',
    data: Uint8Array.of(1, 2, 3, 4),
    list: [-5, 5],
    big: Number.MAX_SAFE_INTEGER,
    small: Number.MIN_SAFE_INTEGER,
    keys: new Map([
      [3, 'type' as const],
      [300, 'class' as const],
    ]),
  };
  return [
    sampleOf(limited, [value, { ...value, text: '', data: new Uint8Array(0), list: [], big: 10 }], 'map'),
    sampleOf(limited, [value], 'array'),
    sampleOf(leveled, [{}, { level: null, kind: null }, { level: value, kind: 9 }], 'map'),
    sampleOf(
      event,
      [{ class: 'Some' }, { class: 'none', class_: 1 }, { class: 'so me', level: null }] as never,
      'map',
    ),
    sampleOf(
      array(struct({ any: optional(unknown()) })),
      [[{}, { any: null }, { any: [1, { two: 'x' }] }]],
      'map',
    ),
    ...edgeSamples(),
  ].map((sample, index) => ({ ...sample, name: `s${index}` }));
}

type Unnamed = Omit<Sample, 'name'>;

/** Shapes with bytes at the edges of what they take, as hexadecimal digits. */
function edgeSamples(): readonly Unnamed[] {
  const real = ['ca3f000000', 'ca7fc00000', 'ca7f800000', 'caff800000', 'ca80000000'];
  const wide = ['7ff8000000000000', '7ff0000000000000', 'fff0000000000000', '8000000000000000'];
  const doubles = [
    ...wide,
    '4014000000000000',
    '4016000000000000',
    'c014000000000000',
    'c016000000000000',
    '0000000000000001',
  ];
  // 2^53, 2^53 + 2, 2^63, 2^64 and the doubles before them, -2^63, the next one beyond it, and 1e300.
  const large = [
    '4340000000000000',
    '4340000000000001',
    '433fffffffffffff',
    '43e0000000000000',
    '43dfffffffffffff',
  ];
  const largest = [
    '43f0000000000000',
    '43efffffffffffff',
    'c3e0000000000000',
    'c3e0000000000001',
    '7e37e43c8800759c',
  ];
  // The greatest float, what rounds to it, and what would round to infinity.
  const floats = [
    '47efffffe0000000',
    '47efffffefffffff',
    '47effffff0000000',
    'c7effffff0000000',
    '47f0000000000000',
  ];
  const longs = [
    '0000000000000000',
    '0020000000000000',
    '0020000000000001',
    '001fffffffffffff',
    '7fffffffffffffff',
    // Above the middle between two floats, and a double would be that middle.
    '1000001000000001',
    '1000003000000001',
  ];
  const negative = [
    '8000000000000000',
    '8000000000000001',
    'ffdfffffffffffff',
    'ffe0000000000001',
    'ffffffffffffffff',
    'effffff000000001',
    'efffffcfffffffff',
  ];
  const numbers = [
    ...real,
    ...[...doubles, ...large, ...largest, ...floats].map((digits) => `cb${digits}`),
    ...[...longs, ...negative].flatMap((digits) => [`cf${digits}`, `d3${digits}`]),
    ...[
      '00',
      '7f',
      'e0',
      'ff',
      'cc05',
      'ccff',
      'cdffff',
      'ceffffffff',
      'ce01000001',
      'd080',
      'd18000',
      'd280000000',
    ],
    ...['c0', 'c1', 'c2', 'a135', '90', '80', 'd4ff00', 'cb40140000', 'cc', '0505'],
  ];
  const texts = [
    '80',
    'c080',
    'c1bf',
    'c280',
    'c3',
    'e08080',
    'e0a080',
    'eda080',
    'ed9fbf',
    'efbfbd',
    'f0808080',
  ];
  const others = [
    'f0908080',
    'f48fbfbf',
    'f4908080',
    'f5808080',
    'f88080',
    'e282',
    '61e282ac',
    'f09f8fa6',
    '6180',
  ];
  const four = ['61626364', 'c3a4c3a4c3a4c3a4', 'f09f8fa6f09f8fa6f09f8fa6', 'e282ace282ace282ace282ac'];
  const strings = [...texts, ...others, ...four].map((digits) => textOf(digits));
  const deep = (levels: number) => `82a17801${textOf('71')}${'91'.repeat(levels)}c0`;
  const fields = [
    ...[
      '80',
      '81a178c0',
      '82a17801a178c0',
      '82a178c0a17801',
      '82a1780201a17801',
      '82a17801c0c3',
      '82a178019101c3',
    ],
    ...[
      '83a17801a17ac7',
      '82a17801a17ac1',
      '82a17801a17ad4ff00',
      '82a17801a17ac70001',
      '81d9017801',
      '82a17801a1ffc1',
    ],
    ...[
      '82a17801a1ff01',
      '82a17802a17801',
      '82a17801a178a0',
      '8001',
      '81a17801',
      'de0001a17801',
      'df00000001a17801',
    ],
    ...[deep(63), deep(64), deep(65), deep(66), '82a17801a17901', '82a17801a179c0'],
  ];
  const times = [
    ...[
      'd6ff00000000',
      'd6ffffffffff',
      'd7ffee6b27fc00000000',
      'd7ffee6b280000000000',
      'd7ff0000000300000000',
    ],
    ...['c70cff3b9ac9ffffffffffffffffff', 'c70cff3b9aca000000000000000000', 'd6fe00000000', 'c704ff00000000'],
    ...['c70cff00000000000007dba8218000', 'c70cff00000000000007dba8218001', 'c70cff00000000fffff82457de8000'],
    ...['c70cff00000001000007dba8218000', 'c70cff3b9ac9fffffff82457de8000', 'c70cff3b9ac9fffffff82457de7fff'],
    ...['c70cff3b9ac9ff000000007fffffff', 'd7ffee6b27fc7fffffff', 'd7ffee6b27ffffffffff'],
    ...[
      'c70cff000000007fffffffffffffff',
      'c705ff0000000000',
      'c700ff',
      'd4ff00',
      `d8ff${'00'.repeat(16)}`,
      'c0',
    ],
  ];
  const names = [
    '80',
    '81a17801',
    '81a95f5f70726f746f5f5f01',
    '82a17801a17802',
    '81c001',
    '810101',
    '81a1ff01',
  ];
  const tags = [
    '80',
    '81a174a161',
    '81a174a162',
    '82a174a161a174a162',
    '82a174a162a174a161',
    '81a174c0',
    '81a17401',
  ];
  return [
    ...[
      f64(),
      f32(),
      u8(),
      i8(),
      u32(),
      i32(),
      u64(),
      i64(),
      u64({ as: 'number' }),
      i64({ as: 'number' }),
    ].map((shape) => withEdges(shape, numbers)),
    withEdges(string(), strings),
    withEdges(string({ maxLength: 3 }), strings),
    withEdges(oneOf('a', 'ä', ''), strings),
    withEdges(struct({ x: u8(), y: optional(boolean()) }), fields),
    withEdges(timestamp(), times),
    withEdges(record(u8()), names),
    withEdges(map(string(), u8()), names),
    withEdges(union('t', { a: struct({}), b: struct({}) }), tags),
    withEdges(
      struct({ x: u8(), y: optional(u8()) }),
      ['90', '9101', '9201c0', '920102', '93010203', '9301'],
      'array',
    ),
  ];
}

function withEdges(shape: Shape, digits: readonly string[], layout: 'map' | 'array' = 'map'): Unnamed {
  return { ...sampleOf(shape, [], layout), edges: digits.map((text) => Buffer.from(text, 'hex')) };
}

/** A string of those bytes. */
function textOf(digits: string): string {
  return (0xa0 + digits.length / 2).toString(16) + digits;
}
