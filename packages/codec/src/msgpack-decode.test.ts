import { describe, expect, it } from 'vitest';
import { type CodecError, msgpack } from './index.js';
import { MOST_DEPTH } from './limits.js';

const codec = msgpack({ maxItems: 1000, maxDepth: MOST_DEPTH });

/** Why the first `end` bytes are refused; undefined where they are a value. */
function refusal(bytes: Uint8Array, end = bytes.length): string | undefined {
  try {
    codec.decode(bytes, 0, end);
    return undefined;
  } catch (error) {
    expect(error).toMatchObject({ name: 'CodecError', code: 'UNDECODABLE' });
    return (error as CodecError).message;
  }
}

function bytesOf(...parts: (number | string | readonly number[])[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => (typeof part === 'string' ? [...Buffer.from(part)] : part)));
}

function nested(levels: number, opener: readonly number[], innermost: readonly number[]): Uint8Array {
  return Uint8Array.from([...Array.from({ length: levels }, () => opener).flat(), ...innermost]);
}

const zeros = (count: number): number[] => new Array<number>(count).fill(0);

describe('msgpack() reads', () => {
  it.each<[string, Uint8Array]>([
    ['positive fixint', bytesOf(0x7f)],
    ['negative fixint', bytesOf(0xe0)],
    ['nil', bytesOf(0xc0)],
    ['booleans', bytesOf(0x92, 0xc2, 0xc3)],
    ['floats', bytesOf(0x92, 0xca, zeros(4), 0xcb, zeros(8))],
    ['uints', bytesOf(0x94, 0xcc, 0, 0xcd, zeros(2), 0xce, zeros(4), 0xcf, zeros(8))],
    ['ints', bytesOf(0x94, 0xd0, 0, 0xd1, zeros(2), 0xd2, zeros(4), 0xd3, zeros(8))],
    ['strings', bytesOf(0x94, 0xa1, 'a', 0xd9, 1, 'a', 0xda, 0, 1, 'a', 0xdb, 0, 0, 0, 1, 'a')],
    ['bins', bytesOf(0x93, 0xc4, 1, 0, 0xc5, 0, 1, 0, 0xc6, 0, 0, 0, 1, 0)],
    ['long forms of empty containers', bytesOf(0x94, 0xdc, 0, 0, 0xdd, zeros(4), 0xde, 0, 0, 0xdf, zeros(4))],
    ['string and number keys', bytesOf(0x84, 0xa1, 'a', 0, 0x01, 0, 0xcb, zeros(8), 0, 0xcf, zeros(8), 0)],
    ['maps in maps', bytesOf(0x82, 0xa1, 'a', 0x81, 0xa1, 'b', 0xc0, 0xa1, 'c', 0x90)],
    ['"__proto__" as a value', bytesOf(0x81, 0xa1, 'a', 0xa9, '__proto__')],
    ['keys like "__proto__"', bytesOf(0x81, 0xa9, '__proto_!', 0)],
    ['timestamp 32', bytesOf(0xd6, 0xff, zeros(4))],
    ['timestamp 64', bytesOf(0xd7, 0xff, zeros(8))],
    ['timestamp 96', bytesOf(0xc7, 12, 0xff, zeros(12))],
    ['timestamp 96, the last date', bytesOf(0xc7, 12, 0xff, zeros(4), 0, 0, 0x07, 0xdb, 0xa8, 0x21, 0x80, 0)],
    ['the deepest arrays', nested(MOST_DEPTH, [0x91], [0xc0])],
    ['the deepest maps', nested(MOST_DEPTH, [0x81, 0xa1, 0x61], [0xc0])],
  ])('%s', (_name, bytes) => {
    expect(refusal(bytes)).toBeUndefined();
    for (let length = 0; length < bytes.length; length += 1) {
      expect(refusal(bytes, length), `cut to ${length} bytes`).toMatch(/end inside/);
      expect(refusal(bytes.slice(0, length)), `cut to ${length} bytes`).toMatch(/end inside/);
    }
    expect(refusal(bytesOf([...bytes], 0xc0))).toMatch(/1 bytes follow/);
  });
});

describe('msgpack() does not read', () => {
  it.each<[string, Uint8Array, RegExp]>([
    ['nothing', bytesOf(), /end inside/],
    ['0xc1', bytesOf(0xc1), /0xc1/],
    ['0xc1 inside', bytesOf(0x91, 0xc1), /0xc1/],
    ['two values', bytesOf(1, 2), /1 bytes follow/],
    ['an array of 2^32 - 1', bytesOf(0xdd, 0xff, 0xff, 0xff, 0xff), /end inside/],
    ['a map of 2^32 - 1', bytesOf(0xdf, 0xff, 0xff, 0xff, 0xff, zeros(100)), /end inside/],
    ['nested large arrays', nested(100, [0xdd, 0, 1, 0, 0], zeros(1000)), /end inside/],
    ['a string of 2^32 - 1', bytesOf(0xdb, 0xff, 0xff, 0xff, 0xff, 'x'), /end inside/],
    ['a bin beyond the end', bytesOf(0x91, 0xc4, 2, 0), /end inside/],
    ['an extension beyond the end', bytesOf(0xc9, 0xff, 0xff, 0xff, 0xff, 0xff, 0), /end inside/],
    ['arrays too deep', nested(MOST_DEPTH + 1, [0x91], [0xc0]), /deeper than 256/],
    ['maps far too deep', nested(100_000, [0x81, 0xa1, 0x61], [0xc0]), /deeper than 256/],
    ['the record extension', bytesOf(0xd4, 0x72, 0x40, 0x91, 0xa1, 'a', 1), /type 114/],
    ['the record extension, two bytes', bytesOf(0xd5, 0x72, 0x40, 0x00, 0x91, 0xa1, 'a', 1), /type 114/],
    ['the undefined extension', bytesOf(0xd4, 0, 0), /type 0/],
    ['the set extension', bytesOf(0xd4, 0x73, 0, 0x91, 1), /type 115/],
    ['the error extension', bytesOf(0xd4, 0x65, 0, 0x93, 0xa1, 'E', 0xa1, 'm', 0xc0), /type 101/],
    ['the regexp extension', bytesOf(0xd4, 0x78, 0, 0x92, 0xa1, 'x', 0xa0), /type 120/],
    ['the id extension', bytesOf(0xd6, 0x69, 0, 0, 0, 1, 0x90), /type 105/],
    ['the pointer extension', bytesOf(0xd6, 0x70, 0, 0, 0, 1), /type 112/],
    ['the bundle extension', bytesOf(0xd6, 0x62, 0, 0, 0, 1, 0xa0), /type 98/],
    ['the typed array extension', bytesOf(0xc7, 2, 0x74, 1, 0), /type 116/],
    ['the bigint extension', bytesOf(0xd8, 0x42, zeros(16)), /type 66/],
    ['another negative type', bytesOf(0xd4, 0xfe, 0), /type -2/],
    ['a timestamp of 1 byte', bytesOf(0xd4, 0xff, 0xff), /no valid date/],
    ['a timestamp of 16 bytes', bytesOf(0xd8, 0xff, zeros(16)), /no valid date/],
    ['a timestamp of 0 bytes', bytesOf(0xc7, 0, 0xff), /no valid date/],
    ['too many nanoseconds', bytesOf(0xd7, 0xff, 0xff, 0xff, 0xff, 0xff, zeros(4)), /no valid date/],
    ['too many nanoseconds, 96', bytesOf(0xc7, 12, 0xff, 0xff, 0xff, 0xff, 0xff, zeros(8)), /no valid date/],
    ['a date too late', bytesOf(0xc7, 12, 0xff, zeros(4), 0x7f, zeros(7)), /no valid date/],
    ['a date too early', bytesOf(0xc7, 12, 0xff, zeros(4), 0x80, zeros(7)), /no valid date/],
    ['a nil key', bytesOf(0x81, 0xc0, 0), /map key/],
    ['a boolean key', bytesOf(0x81, 0xc3, 0), /map key/],
    ['a bin key', bytesOf(0x81, 0xc4, 0, 0), /map key/],
    ['an array key', bytesOf(0x81, 0x90, 0), /map key/],
    ['a map key', bytesOf(0x81, 0x80, 0), /map key/],
    ['a long array key', bytesOf(0x81, 0xdc, 0, 0, 0), /map key/],
    ['a timestamp key', bytesOf(0x81, 0xd6, 0xff, zeros(4), 0), /map key/],
    ['"__proto__" in fixstr', bytesOf(0x81, 0xa9, '__proto__', 0x80), /__proto__/],
    ['"__proto__" in str 8', bytesOf(0x82, 1, 1, 0xd9, 9, '__proto__', 0x80), /__proto__/],
    ['"__proto__" in str 16', bytesOf(0x81, 0xda, 0, 9, '__proto__', 0x80), /__proto__/],
    ['"__proto__" in str 32', bytesOf(0xdf, 0, 0, 0, 1, 0xdb, 0, 0, 0, 9, '__proto__', 0x80), /__proto__/],
  ])('%s', (_name, bytes, message) => {
    expect(refusal(bytes)).toMatch(message);
    expect(refusal(bytesOf(0x80))).toBeUndefined();
  });
});
