import { describe, expect, it } from 'vitest';
import { CodecError, raw } from './index.js';

describe('raw', () => {
  it('decodes to a plain Uint8Array of its own, from a Buffer as well', () => {
    const source = Buffer.from('abcdef');
    const bytes = raw().decode(source, 1, 3);
    expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype);
    expect(bytes.buffer).not.toBe(source.buffer);
    source.fill(0);
    expect(bytes).toStrictEqual(Uint8Array.of(98, 99));
  });

  it('decodes to a view where no copy is wanted', () => {
    const source = Buffer.from('abcdef');
    const bytes = raw({ copy: false }).decode(source, 1, 3);
    expect(bytes).toStrictEqual(Uint8Array.of(98, 99));
    source.fill(0);
    expect(bytes).toStrictEqual(Uint8Array.of(0, 0));
  });

  it('takes zero bytes for a value', () => {
    expect(raw().encode(new Uint8Array(), new Uint8Array(), 0)).toBe(0);
    expect(raw().decode(new Uint8Array(), 0, 0)).toStrictEqual(new Uint8Array());
  });

  it.each([
    null,
    undefined,
    'x',
    1,
    [1],
    {},
    new Uint16Array(1),
    new Uint8ClampedArray(1),
    new ArrayBuffer(1),
  ])('refuses %s', (value) => {
    const encode = () => raw().encode(value as Uint8Array, new Uint8Array(100), 0);
    expect(encode).toThrow(CodecError);
    expect(encode).toThrow(expect.objectContaining({ code: 'UNENCODABLE' }));
  });
});
