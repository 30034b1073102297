import { describe, expect, test } from 'vitest';
import { valueLine } from './value-line.js';

describe('valueLine', () => {
  test.each([
    [
      { id: 7, symbol: 'AAPL', legs: [{ price: 187.25 }], note: null },
      '{id: 7, symbol: "AAPL", legs: [{price: 187.25}], note: null}',
    ],
    [
      [1n, -(2n ** 63n), -0, Number.NaN, -Infinity, 1e21],
      '[1, -9223372036854775808, -0, NaN, -Infinity, 1e+21]',
    ],
    [[true, undefined, '', [], {}, new Map()], '[true, undefined, "", [], {}, {}]'],
    [new Date(0), '1970-01-01T00:00:00.000Z'],
    [new Date(Number.NaN), 'Invalid Date'],
    [Uint8Array.of(0, 0xca, 0xfe), '0x00cafe (3 bytes)'],
    [Buffer.from([7]), '0x07 (1 byte)'],
    [new Uint8Array(0), '0x (0 bytes)'],
    [new Uint8Array(33), `0x${'00'.repeat(32)}… (33 bytes)`],
    [
      new Map<unknown, unknown>([
        [5, 'a'],
        ['5', 'b'],
        [2n ** 64n, 'c'],
        ['two words', 'd'],
        ['', 'e'],
      ]),
      '{5: "a", "5": "b", 18446744073709551616: "c", "two words": "d", "": "e"}',
    ],
    [{ 'a\nb': '\x1b[31m', ключ: '\u202e' }, '{"a\\nb": "\\u001b[31m", "ключ": "\\u202e"}'],
    [JSON.parse('{"__proto__":{"a":1},"constructor":2}'), '{__proto__: {a: 1}, constructor: 2}'],
    ['"\\', '"\\"\\\\"'],
    [Symbol('\x1b'), 'symbol'],
  ])('%#', (value, line) => {
    expect(valueLine(value)).toBe(line);
  });

  test('shows as many levels as allowed', () => {
    expect(valueLine([[{ a: [1] }]], { maxDepth: 2 })).toBe('[[{…}]]');
    expect(valueLine([[]], { maxDepth: 1 })).toBe('[[…]]');
    const cyclic: unknown[] = [];
    cyclic.push(cyclic);
    expect(valueLine(cyclic)).toBe(`${'['.repeat(8)}[…]${']'.repeat(8)}`);
  });

  test('shows as much of strings, names and bytes as allowed', () => {
    const value = { ['n'.repeat(9)]: 'x'.repeat(9), ['m n'.repeat(9)]: new Uint8Array(9) };
    expect(valueLine(value, { maxText: 3, maxBytes: 2 })).toBe('{nnn…: "xxx"…, "m n"…: 0x0000… (9 bytes)}');
  });

  test('is never longer than allowed, and cuts no escape', () => {
    const value = { text: 'a\\b"\x1b\u202e😀', list: Array.from({ length: 50 }, (_, index) => index) };
    const whole = valueLine(value);
    for (let maxLength = 1; maxLength < whole.length; maxLength += 1) {
      const line = valueLine(value, { maxLength });
      expect(line.length).toBeLessThanOrEqual(maxLength);
      expect(line.endsWith('…')).toBe(true);
      const shown = line.slice(0, -1);
      expect(whole.startsWith(shown)).toBe(true);
      expect(Buffer.from(shown).toString()).toBe(shown);
      expect(shown).not.toMatch(/(?<!\\)(?:\\\\)*\\(?:u[0-9a-f]{0,3})?$/);
    }
    expect(valueLine(value, { maxLength: whole.length })).toBe(whole);
  });

  test('shows the beginning of what is large', () => {
    const large = Array.from({ length: 200_000 }, () => ({ text: '\x1b'.repeat(1_000) }));
    expect(valueLine(large)).toHaveLength(1_000);
    expect(valueLine(new Map(large.entries()), { maxLength: 20 })).toBe('{0: {text: "\\u001b…');
  });
});
