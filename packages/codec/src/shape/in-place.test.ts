import { describe, expect, it } from 'vitest';
import { array, codecOf, string, struct, u32, unknown } from '../index.js';

describe('encoding in place', () => {
  const shape = struct({ id: u32(), text: string() });

  it('writes what encode does, and nothing beyond the limit', () => {
    const codec = codecOf(shape);
    const value = { id: 70_000, text: 'text' };
    const expected = new Uint8Array(100).fill(9);
    const end = codec.encode(value, expected, 10);
    const target = new Uint8Array(100).fill(9);
    // It may want some bytes more than it takes in the end.
    expect(codec.encodeInPlace?.(value, target, 10, end + 16)).toBe(end);
    expect(target).toEqual(expected);
    for (let limit = 0; limit < end; limit++) {
      target.fill(9);
      expect(codec.encodeInPlace?.(value, target, 10, limit)).toBe(-1);
      expect(target.subarray(Math.max(limit, 10)).every((byte) => byte === 9)).toBe(true);
    }
  });

  it('says -1 for what does not fit the shape, or is larger than the codec takes', () => {
    const target = new Uint8Array(100);
    expect(codecOf(shape).encodeInPlace?.({ id: -1, text: '' }, target, 0, 100)).toBe(-1);
    expect(
      codecOf(shape, { maxSize: 20 }).encodeInPlace?.({ id: 1, text: 'x'.repeat(30) }, target, 0, 100),
    ).toBe(-1);
  });

  it('is not for shapes with unknown values', () => {
    expect(codecOf(struct({ list: array(unknown()) })).encodeInPlace).toBeUndefined();
  });
});
