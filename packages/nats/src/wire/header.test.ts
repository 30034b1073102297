import { describe, expect, it } from 'vitest';
import { encodingTag } from './encoding.js';
import { fieldOf, type Header, readHeader, writeHeader } from './header.js';

const header: Header = {
  incarnation: '00f1d0c2a8b94e57',
  sequence: 42,
  prev: 40,
  time: '1790000000123456000',
  encoding: encodingTag({ codec: 'msgpack', schema: '{"u32":1}' }),
  host: fieldOf('desk;7\r\n'),
  gap: undefined,
  part: undefined,
};
const part: Header = { ...header, part: { offset: 0, total: 5_000_000 } };
const gap: Header = { ...header, gap: { reason: 'ring', from: 41 } };

describe('the header of a bridge', () => {
  it('has this form', () => {
    expect(writeHeader(header)).toBe(
      `1;00f1d0c2a8b94e57;42;40;1790000000123456000;${header.encoding};desk%3B7%0D%0A`,
    );
    expect(writeHeader(gap)).toBe(`${writeHeader(header)};ring;41`);
    expect(writeHeader(part)).toBe(`${writeHeader(header)};part;0;5000000`);
    expect(header.encoding).toMatch(/^msgpack:[0-9a-f]{16}$/);
    expect(encodingTag({ codec: 'raw', schema: undefined })).toBe('raw');
  });

  it('is read as it was written', () => {
    expect(readHeader(writeHeader(header))).toEqual(header);
    expect(readHeader(writeHeader(gap))).toEqual(gap);
    expect(readHeader(writeHeader(part))).toEqual(part);
  });

  it.each([
    ['another version', { version: '2' }],
    ['an incarnation too short', { incarnation: '0f' }],
    ['no number', { sequence: 'x' }],
    ['number 0', { sequence: '0', prev: '0' }],
    ['a number with a sign', { sequence: '+42' }],
    ['a number that is not exact', { sequence: '9007199254740993' }],
    ['a number before that is not lower', { prev: '42' }],
    ['an invalid time', { time: '-1' }],
    ['a time of 20 digits', { time: '10000000000000000000' }],
    ['more', { host: 'a;b' }],
  ])('is nothing where it has %s', (_what, change) => {
    const fields = { version: '1', ...header, sequence: '42', prev: '40', ...change };
    const { version, incarnation, sequence, prev, time, encoding, host } = fields;
    expect(
      readHeader([version, incarnation, sequence, prev, time, encoding, host].join(';')),
    ).toBeUndefined();
  });

  it('is nothing where a gap begins behind its end', () => {
    expect(readHeader(`${writeHeader(header)};ring;43`)).toBeUndefined();
    expect(readHeader(`${writeHeader(header)};ring;0`)).toBeUndefined();
    expect(readHeader('')).toBeUndefined();
  });

  it.each([';part;5;5', ';part;-1;5', ';part;0;0', ';piece;0;5', ';part;0;5;6'])(
    'is nothing where a piece ends in %s',
    (end) => {
      expect(readHeader(`${writeHeader(header)}${end}`)).toBeUndefined();
    },
  );
});
