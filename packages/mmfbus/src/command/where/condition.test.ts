import { UsageError } from '@mmfbus/terminal';
import { describe, expect, test } from 'vitest';
import { parseCondition, parsePath } from './condition.js';

const value = {
  px: 187.25,
  symbol: 'AAPL',
  'odd name': 1,
  big: 2n ** 60n,
  at: new Date('2026-01-02T03:04:05Z'),
  none: null,
  legs: [{ from: 'LHR' }, { from: 'JFK' }],
  map: new Map<unknown, unknown>([
    ['a', 1],
    [7, 'seven'],
  ]),
  bytes: Uint8Array.of(1, 2, 3),
};

function holds(text: string): boolean {
  return parseCondition(text).holds({ value, sequence: 42, timestamp: 1e9, publisher: 3 });
}

describe('a condition', () => {
  test.each([
    'px > 180',
    'px>=187.25 and px<=187.25',
    'px = 187.25 && px == 187.25',
    'px < 1e3 or missing > 1',
    'not (px < 180)',
    '!(px < 180) and not px = 1',
    "symbol == 'AAPL'",
    'symbol == "AAPL"',
    "symbol =~ '^A.*L$'",
    "symbol contains 'AP'",
    "symbol in ['MSFT', 'AAPL']",
    "symbol not in ['MSFT']",
    "legs[1].from == 'JFK' and legs.0.from = 'LHR'",
    'legs.length == 2 and bytes.length = 3 and symbol.length = 4',
    'bytes contains 3 and bytes[0] = 1',
    'map.a == 1 and map[7] = "seven" and map contains "a"',
    '$["odd name"] = 1',
    'big > 1152921504606846975 and big = 1152921504606846976',
    "at > '2026-01-01' and at < '2026-01-03' and at = '2026-01-02T03:04:05.000Z'",
    'none = null and missing = null and px != null',
    '$sequence = 42 and $publisher < 4 and $timestamp >= 1000000000',
    'symbol',
    "'a' in ['a'] and [1, 2] contains 2",
    'px > -1',
    'false or true',
    // And binds more tightly than or.
    'true or false and false',
  ])('holds: %s', (text) => {
    expect(holds(text)).toBe(true);
  });

  test.each([
    'px > 188',
    'symbol > 5',
    'symbol < 5',
    'missing > 1',
    'missing < 1',
    'none >= 0',
    "px =~ '1'",
    'missing.deeper.still = 1',
    'constructor',
    '__proto__',
    'legs.constructor',
    'toString',
    'symbol.constructor',
    'null',
    "''",
    '[] contains 1',
    'px > NaN',
  ])('does not hold: %s', (text) => {
    expect(holds(text)).toBe(false);
  });

  test.each([
    ['', 'expected a field or a value, not the end at character 1'],
    ['px >', 'expected a field or a value, not the end at character 5'],
    ['px > 180 180', 'unexpected 180 at character 10'],
    ['(px > 180', 'expected ), which belongs to character 1, at character 10'],
    ["symbol = 'AAPL", 'a string without its end at character 10'],
    ['px # 1', 'unexpected character at character 4'],
    ['1 < px < 3', 'comparisons in a row need and, or or parentheses at character 8'],
    ["symbol =~ '('", 'at character 11'],
    ['symbol =~ px', "expected a pattern, such as '^A', behind =~ at character 11"],
    ['$sequnce > 1', 'there is no $sequnce'],
    ['px not 5', 'expected in or contains behind not'],
    ['a.', 'expected the name of a field, not the end at character 3'],
    ['and', 'expected a field or a value, not and at character 1'],
  ])('refuses %j', (text, message) => {
    expect(() => parseCondition(text)).toThrow(UsageError);
    expect(() => parseCondition(text)).toThrow(message);
  });

  test('refuses what is nested without end', () => {
    for (const text of ['('.repeat(100_000), `${'!'.repeat(100_000)}1`, '['.repeat(100_000)]) {
      expect(() => parseCondition(text)).toThrow('more than 100 levels at character 101 ');
    }
  });

  test('shows the place of a mistake, and nothing that a terminal obeys', () => {
    expect(() => parseCondition('px > \x1b[2J')).toThrow(
      'unexpected character at character 6 of the condition:\n  px > \\u001b[2J\n       ^',
    );
  });

  test('says which fields it looks at', () => {
    expect(parseCondition('a.b > 1 and not $.c[0]').paths).toEqual([
      { path: ['a', 'b'], at: 0 },
      { path: ['c', 0], at: 16 },
    ]);
  });
});

describe('a path', () => {
  test.each([
    ['px', ['px']],
    ['legs[0].from', ['legs', 0, 'from']],
    ['$["odd name"]', ['odd name']],
  ])('%s', (text, path) => {
    if (text.includes(' ')) expect(() => parsePath(text)).toThrow(UsageError);
    else expect(parsePath(text)).toEqual(path);
  });

  test.each(['px > 1', '1', 'a and b', '', 'not a', '(a)'])('refuses %j', (text) => {
    expect(() => parsePath(text)).toThrow(UsageError);
  });
});
