import { describe, expect, test } from 'vitest';
import { printable, quoted } from './printable.js';

describe('printable', () => {
  test.each([
    ['plain text, äöü, ключ, 価格, 😀', 'plain text, äöü, ключ, 価格, 😀'],
    ['\x1b]0;owned\x07', '\\u001b]0;owned\\u0007'],
    ['\x9b2J\x7f\0', '\\u009b2J\\u007f\\u0000'],
    ['a\r\n\tb\b\f', 'a\\r\\n\\tb\\b\\f'],
    ['\u2028\u2029\u0085', '\\u2028\\u2029\\u0085'],
    ['\u202eevil\u2066\u061c\u200f', '\\u202eevil\\u2066\\u061c\\u200f'],
    ['\u200b\u200d\ufeff\u00ad\ufe0f\u3164', '\\u200b\\u200d\\ufeff\\u00ad\\ufe0f\\u3164'],
    ['\ud800 \udc00', '\\ud800 \\udc00'],
    ['\ue000 \u{f0000}', '\\ue000 \\udb80\\udc00'],
    ['\u{e0041}', '\\udb40\\udc41'],
  ])('%j', (text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  test('in quotes is the same string in JSON', () => {
    const text = '"\\\n\x1b\u202e\ud800 \\u0041 \u{f0000}😀';
    expect(JSON.parse(quoted(text))).toBe(text);
  });
});
