import { expect, it } from 'vitest';
import { array, bytes, codecOf, string } from '../index.js';

it('refuses bytes that are gone', () => {
  const gone = new Uint8Array(4);
  structuredClone(gone, { transfer: [gone.buffer] });
  expect(() => codecOf(bytes()).encode(gone, new Uint8Array(100), 0)).toThrow(
    'value: expected bytes (a Uint8Array), got one that was detached',
  );
});

it('makes no room beyond the largest size', () => {
  const codec = codecOf(array(string()), { maxSize: 5_000 });
  const items = Array.from({ length: 100 }, () => 'a'.repeat(1_000));
  expect(() => codec.encode(items, new Uint8Array(200_000), 0)).toThrow('takes more than 5000 bytes');
});
