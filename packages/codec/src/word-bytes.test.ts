import { describe, expect, it } from 'vitest';
import { allocateWordBytes, copyBytes, viewOf, withWords } from './word-bytes.js';

const LENGTHS = [0, 1, 3, 4, 5, 8, 255, 256, 257, 1000];
const OFFSETS = [0, 1, 4, 6];

function numbered(bytes: Uint8Array): Uint8Array {
  for (const index of bytes.keys()) bytes[index] = (index * 7 + 1) % 251;
  return bytes;
}

describe('copyBytes', () => {
  const kinds: Readonly<Record<string, (length: number) => Uint8Array>> = {
    'with words': allocateWordBytes,
    'without words': (length) => new Uint8Array(length),
    'with words inside a larger buffer': (length) =>
      withWords(new Uint8Array(new ArrayBuffer(2048), 8, length)),
  };
  const pairs = Object.keys(kinds).flatMap((from) => Object.keys(kinds).map((to) => [from, to] as const));

  it.each(pairs)('copies the range and nothing else, from bytes %s to bytes %s', (from, to) => {
    for (const length of LENGTHS) {
      for (const start of OFFSETS) {
        for (const offset of OFFSETS) {
          const source = numbered((kinds[from] as (length: number) => Uint8Array)(1024));
          const target = (kinds[to] as (length: number) => Uint8Array)(1024);
          const expected = new Uint8Array(1024);
          expected.set(source.subarray(start, start + length), offset);
          copyBytes(source, start, start + length, target, offset);
          expect(Buffer.compare(target, expected), `${length} bytes from ${start} to ${offset}`).toBe(0);
        }
      }
    }
  });
});

describe('viewOf', () => {
  it.each([
    ['with words', allocateWordBytes(100_000)],
    ['without', new Uint8Array(100_000)],
  ])('shows the range, in bytes %s', (_kind, bytes) => {
    const ranges = [0, 3, 8, 16, 65_528, 65_536, 90_000].flatMap((start) =>
      [0, 1, 8, 40, 9000].map((length) => [start, start + length] as const),
    );
    for (const [start, end] of [...ranges, ...ranges]) {
      const view = viewOf(bytes, start, end);
      expect([view.buffer === bytes.buffer, view.byteOffset, view.length]).toEqual([
        true,
        start,
        end - start,
      ]);
    }
  });

  it('is the same one for the same range', () => {
    const bytes = allocateWordBytes(1000);
    const view = viewOf(bytes, 24, 64);
    expect(viewOf(bytes, 24, 64)).toBe(view);
    expect(viewOf(bytes, 24, 65)).not.toBe(view);
    expect(viewOf(bytes, 32, 72)).not.toBe(view);
  });
});
