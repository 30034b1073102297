import { expect, it } from 'vitest';
import { methodHash } from './method-hash.js';

// From the tables of the FNV reference code (http://www.isthe.com/chongo/tech/comp/fnv/), 32-bit FNV-1a.
it.each([
  ['', 0x811c_9dc5],
  ['a', 0xe40c_292c],
  ['foobar', 0xbf9c_f968],
])('is FNV-1a of the name %j', (name, hash) => {
  expect(methodHash(name)).toBe(hash);
});

it('is of the bytes of UTF-8', () => {
  const bytes = [...new TextEncoder().encode('größe')];
  const latin = String.fromCharCode(...bytes);
  expect(methodHash('größe')).not.toBe(methodHash(latin));
  expect(methodHash('größe')).toBe(
    bytes.reduce((hash, byte) => Math.imul(hash ^ byte, 0x0100_0193), 0x811c_9dc5) >>> 0,
  );
});
