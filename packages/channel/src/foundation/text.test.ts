import { describe, expect, it } from 'vitest';
import { showableText } from './text.js';

describe('text to be shown', () => {
  it.each<[string, Uint8Array, string]>([
    ['ends at the first zero', Buffer.from('a\0b'), 'a'],
    ['may fill its field', Buffer.from('abc'), 'abc'],
    ['may be empty', new Uint8Array(4), ''],
    ['is UTF-8', Buffer.from('désk 👩‍🚀'), 'désk 👩‍🚀'],
    ['has replacements where it is invalid', Uint8Array.of(0x61, 0xff, 0xe2, 0x82), 'a\ufffd\ufffd'],
    ['obeys no terminal', Buffer.from('\x1b[2J\x07\r\n\t\x7f'), '\\u{1b}[2J\\u{7}\\u{d}\\u{a}\\u{9}\\u{7f}'],
    ['has no C1 controls', Buffer.from('\u009b'), '\\u{9b}'],
    ['keeps its direction', Buffer.from('a\u202eb\u2066c'), 'a\\u{202e}b\\u{2066}c'],
    ['stays on its line', Buffer.from('a\u2028b\ufeff'), 'a\\u{2028}b\\u{feff}'],
  ])('%s', (_what, bytes, expected) => {
    expect(showableText(bytes)).toBe(expected);
  });
});
