import { describe, expect, it } from 'vitest';
import { allocateFreeBytes } from './free-bytes.js';
import { ownCopy } from './own-copy.js';
import { allocateWordBytes } from './word-bytes.js';

/** Bytes that tell where they are. */
const source = Uint8Array.from({ length: 10_000 }, (_, index) => index * 7);

function copyOf(start: number, length: number): Uint8Array {
  return ownCopy(source, start, start + length);
}

describe('copies', () => {
  it('hold what was copied, however many follow', () => {
    const copies = Array.from({ length: 500 }, (_, index) => [index, (index * 37) % 4100] as const).map(
      ([start, length]) => ({ start, length, bytes: copyOf(start, length) }),
    );
    for (const { bytes } of copies) expect(bytes.byteOffset % 8).toBe(0);
    for (const { start, length, bytes } of copies) {
      expect(bytes).toStrictEqual(source.slice(start, start + length));
    }
  });

  it('never overlap, whatever is written to one of them', () => {
    const copies = Array.from({ length: 100 }, (_, index) => copyOf(0, index * 9));
    for (const [index, bytes] of copies.entries()) bytes.fill(index);
    for (const [index, bytes] of copies.entries()) {
      expect(bytes.every((byte) => byte === index)).toBe(true);
    }
  });

  it('share memory up to 4 KiB, and not above', () => {
    expect(copyOf(0, 4096).buffer.byteLength).toBe(65_536);
    expect(copyOf(0, 4097).buffer.byteLength).toBe(4097);
    expect(copyOf(0, 0).buffer.byteLength).toBe(0);
  });

  it('cannot be given away with those that share their memory', () => {
    const [one, other] = [copyOf(0, 8), copyOf(8, 8)];
    expect(one.buffer).toBe(other.buffer);
    try {
      structuredClone(one.buffer, { transfer: [one.buffer as ArrayBuffer] });
    } catch {
      // Some versions of Node throw, others copy.
    }
    expect(other).toStrictEqual(source.slice(8, 16));
    expect(copyOf(16, 8)).toStrictEqual(source.slice(16, 24));
  });
});

describe('a copy of memory that is free', () => {
  it('is that memory, once', () => {
    const bytes = allocateFreeBytes(10_001).fill(3);
    const copy = ownCopy(bytes, 5, 10_001);
    expect(copy.buffer).toBe(bytes.buffer);
    expect([copy.byteOffset, copy.length, bytes.isFree]).toEqual([5, 9996, false]);
    expect(ownCopy(bytes, 5, 10_001).buffer).not.toBe(bytes.buffer);
  });

  it.each([
    ['less than half of it', 10_000, 4999],
    ['a short one', 5000, 4096],
  ])('is a copy where it is %s', (_, length, part) => {
    const bytes = allocateFreeBytes(length).fill(3);
    const copy = ownCopy(bytes, 0, part);
    expect(copy.buffer).not.toBe(bytes.buffer);
    expect(copy).toStrictEqual(new Uint8Array(part).fill(3));
    expect(bytes.isFree).toBe(true);
  });

  it('is a copy where that memory is not free', () => {
    const bytes = allocateWordBytes(10_000);
    expect(ownCopy(bytes, 0, 10_000).buffer).not.toBe(bytes.buffer);
  });
});
