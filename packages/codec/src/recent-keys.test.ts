import { describe, expect, it } from 'vitest';
import { readKey } from './recent-keys.js';

function read(key: string): string {
  const bytes = Buffer.from(`..${key}..`);
  return readKey(bytes, 2, bytes.length - 4);
}

describe('keys of maps', () => {
  it.each([1, 8, 9, 16, 31, 32, 33, 300])('of %d bytes are read, the first time and again', (length) => {
    const key = 'k'.repeat(length);
    expect([read(key), read(key)]).toEqual([key, key]);
  });

  it('that fall on the same place do not take one for the other', () => {
    // They differ only in bytes that do not count for the place.
    const keys = Array.from(
      { length: 20 },
      (_, index) => `first${String.fromCharCode(97 + index)}12345678last`,
    );
    for (let round = 0; round < 3; round += 1) for (const key of keys) expect(read(key)).toBe(key);
  });

  it('that are not ASCII, or not UTF-8, are read', () => {
    expect([read('größe-in-metern'), read('größe-in-metern')]).toEqual([
      'größe-in-metern',
      'größe-in-metern',
    ]);
    const broken = Uint8Array.of(0x61, 0xff, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69);
    expect(readKey(broken, 0, 10)).toBe('a\ufffdbcdefghi');
    expect(readKey(broken, 0, 10)).toBe('a\ufffdbcdefghi');
  });
});
