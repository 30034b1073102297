import {
  array,
  bytes,
  canonicalText,
  i64,
  map,
  nullable,
  type Shape,
  shapeFromText,
  string,
  struct,
  timestamp,
  u8,
  union,
} from '@mmfbus/codec';
import { UsageError } from '@mmfbus/terminal';
import { describe, expect, test } from 'vitest';
import { fromJson } from './from-json.js';
import { templateOf } from './template.js';

const asWritten = (shape: Shape) => shapeFromText(canonicalText(shape)).node;

describe('a value from JSON', () => {
  const node = asWritten(
    struct({
      id: i64(),
      raw: bytes(),
      at: nullable(timestamp()),
      legs: array(struct({ from: string() })),
      sizes: map(u8(), string()),
      event: union('kind', { made: struct({ at: timestamp() }), gone: struct({}) }),
    }),
  );

  test('has bytes, points in time, bigints and maps', () => {
    const json = {
      id: '9007199254740993',
      raw: 'AQID',
      at: '2026-01-02T03:04:05Z',
      legs: [{ from: 'LHR' }],
      sizes: { 7: 'seven' },
      event: { kind: 'made', at: 0 },
    };
    expect(fromJson(node, json)).toEqual({
      id: 9007199254740993n,
      raw: Uint8Array.of(1, 2, 3),
      at: new Date('2026-01-02T03:04:05Z'),
      legs: [{ from: 'LHR' }],
      sizes: new Map([[7, 'seven']]),
      event: { kind: 'made', at: new Date(0) },
    });
  });

  test.each([
    [
      { id: 2 ** 53 },
      'id: JSON does not keep a number of this size; write it as a text, as in "9007199254740992"',
    ],
    [{ idd: 1 }, 'the value has no field idd; did you mean id?'],
    [{ legs: [{ form: 1 }] }, 'legs[0] has no field form; did you mean from?'],
    [{ raw: 'not base64!' }, 'raw: bytes are written as base64'],
    [{ at: 'soon' }, 'at: a timestamp is written as'],
    [JSON.parse('{"__proto__": 1}'), 'the value has no field __proto__'],
  ])('refuses %j', (json, message) => {
    expect(() => fromJson(node, json)).toThrow(message);
  });
});

describe('a template', () => {
  test('is filled anew for each message', () => {
    const template = templateOf(
      '{"n": {{seq}}, "t": "{{ time }}", "d": {{random 3 3}}, "x": {"y": {{seq}}}}',
    );
    const { t, ...rest } = JSON.parse(template(7));
    expect(rest).toEqual({ n: 7, d: 3, x: { y: 7 } });
    expect(t).toMatch(/^\d{4}-\d\d-\d\dT/);
    expect(JSON.parse(template(8))).toMatchObject({ n: 8 });
  });

  test('has numbers within the bounds', () => {
    const die = templateOf('{{random 1 6}}');
    const eyes = new Set(Array.from({ length: 1000 }, (_, index) => Number(die(index))));
    expect([...eyes].toSorted()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('refuses holes that nothing fills', () => {
    expect(() => templateOf('{{sequ}}')).toThrow(UsageError);
    expect(() => templateOf('{{sequ}}')).toThrow('did you mean seq?');
    expect(() => templateOf('{{random 6 1}}')(1)).toThrow(UsageError);
  });
});
