import { describe, expect, it } from 'vitest';
import {
  array,
  bytes,
  canonicalText,
  codecOf,
  f32,
  f64,
  fingerprint,
  i8,
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
  u32,
  u64,
  union,
  unknown,
} from '../index.js';

const everything = struct({
  id: u32(),
  level: i8({ min: -5 }),
  big: u64(),
  name: string({ maxLength: 12 }),
  raw: bytes(),
  side: oneOf('sell', 'buy'),
  legs: array(struct({ price: f64() }), { maxItems: 8 }),
  note: optional(string()),
  owner: nullable(f32()),
  at: timestamp(),
  by: map(i8(), unknown()),
  event: union('type', { b: struct({}), a: struct({ x: u8() }) }),
});

describe('the text of a shape', () => {
  it('is frozen: other programs have its fingerprint', () => {
    expect(canonicalText(everything)).toBe(
      '{"version":1,"shape":{"struct":[["id","u32"],["level",{"i8":{"min":-5}}],["big","u64"],' +
        '["name",{"string":{"maxLength":12}}],["raw","bytes"],["side",{"oneOf":["buy","sell"]}],' +
        '["legs",{"array":{"struct":[["price","f64"]]},"maxItems":8}],["note","string","optional"],' +
        '["owner",{"nullable":"f32"}],["at","timestamp"],["by",{"map":["i8","unknown"]}],' +
        '["event",{"union":"type","of":[["a",[["x","u8"]]],["b",[]]]}]]}}',
    );
    expect(codecOf(everything).schema.text).toBe(canonicalText(everything));
    expect(Buffer.from(fingerprint(everything)).toString('hex')).toBe(
      '3bf31cd558604fed1ddcca7297ddfb93974b7f4e2ec58ca568a67dec6ee9f2d8',
    );
  });

  it('leaves out what matters in JavaScript alone', () => {
    for (const [one, other] of [
      [u64(), u64({ as: 'number' })],
      [map(string(), u8()), record(u8())],
      [bytes(), bytes({ copy: false })],
      [oneOf('a', 'b'), oneOf('b', 'a')],
      [i64(), i64({ as: 'number' })],
    ] as [Shape, Shape][]) {
      expect(canonicalText(one)).toBe(canonicalText(other));
      expect(fingerprint(one)).toStrictEqual(fingerprint(other));
    }
    expect(fingerprint(u8())).not.toStrictEqual(fingerprint(i8()));
  });
});
