import { describe, expect, it } from 'vitest';
import { codecOf, f64, oneOf, struct, u16, union } from '../index.js';

describe('a shape of very many parts', () => {
  const many = <T>(make: (index: number) => T, count: number) =>
    Array.from({ length: count }, (_, index) => make(index));
  const fieldCount = 3_000;
  const large = struct(Object.fromEntries(many((index) => [`f${index}`, u16()] as const, fieldCount)));

  it('has a codec without generated functions, which does the same', () => {
    const codec = codecOf(large);
    expect(codec.generated).toBe(false);
    const value = Object.fromEntries(many((index) => [`f${index}`, index] as const, fieldCount));
    const buffer = new Uint8Array(64 * 1024);
    const end = codec.encode(value, buffer, 0);
    expect(codec.decode(buffer, 0, end)).toStrictEqual(value);
    expect(codec.maxSize).toBeGreaterThanOrEqual(end);
  });

  it('has generated ones up to 2,048 parts', () => {
    const some = (count: number) =>
      struct(Object.fromEntries(many((index) => [`f${index}`, f64()] as const, count)));
    expect(codecOf(some(2_047)).generated).toBe(true);
    expect(codecOf(some(2_048)).generated).toBe(false);
  });

  it('has a codec also where it is a oneOf or a union', () => {
    const names = many((index) => `v${index}`, 50_000);
    const choice = codecOf(oneOf(...(names as [string])));
    const buffer = new Uint8Array(64);
    const end = choice.encode('v49999', buffer, 0);
    expect(choice.decode(buffer, 0, end)).toBe('v49999');
    expect(choice.maxSize).toBe(end);
    const variants = Object.fromEntries(names.slice(0, 20_000).map((name) => [name, struct({})]));
    const either = codecOf(union('type', variants));
    const length = either.encode({ type: 'v19999' }, buffer, 0);
    expect(either.decode(buffer, 0, length)).toEqual({ type: 'v19999' });
  });
});
