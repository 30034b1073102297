import { describe, expect, it } from 'vitest';
import { msgpack } from '../msgpack.js';
import { codecOf } from './codec-of.js';
import { string } from './scalars.js';

describe('a long text', () => {
  it.each(['a', '中'])('of %s is written where it fits exactly', (character) => {
    const text = character.repeat(50_000);
    for (const codec of [codecOf(string()), msgpack<string>()]) {
      const size = Buffer.byteLength(text) + (Buffer.byteLength(text) > 0xffff ? 5 : 3);
      const target = new Uint8Array(size + 7);
      expect(codec.encode(text, target, 7)).toBe(size + 7);
      expect(codec.decode(target, 7, size + 7)).toBe(text);
      expect(() => codec.encode(text, target.subarray(1), 7)).toThrow(
        expect.objectContaining({ code: 'NO_ROOM' }),
      );
    }
  });
});
