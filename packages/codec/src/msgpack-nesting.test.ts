import { describe, expect, it } from 'vitest';
import { type Codec, CodecError, msgpack } from './index.js';

const target = new Uint8Array(100_000);

function roundTrip(codec: Codec<unknown>, value: unknown): unknown {
  const bytes = target.slice(0, codec.encode(value, target, 0));
  return codec.decode(bytes, 0, bytes.length);
}

/** Fills the stack, then calls `action` from ever higher up until it returns, or `most` times. */
function callNearTheEndOfTheStack(action: () => void, most = Infinity): unknown[] {
  const errors: unknown[] = [];
  let done = false;
  const dive = (): void => {
    try {
      dive();
    } catch {
      // The bottom is reached: from here on upwards, action() has a little more room each time.
    }
    if (done) return;
    try {
      action();
      done = true;
    } catch (error) {
      errors.push(error);
      done = errors.length >= most;
    }
  };
  dive();
  return errors;
}

describe('after a stack overflow', () => {
  it('decodes the same bytes correctly', () => {
    for (let round = 0; round < 60; round += 1) {
      const codec = msgpack();
      const value = { [`key${round}`]: { [`${round} long key`]: 1, [`k${round}`]: new Date(0) } };
      const bytes = target.slice(0, codec.encode(value, target, 0));
      const errors = callNearTheEndOfTheStack(() => codec.decode(bytes, 0, bytes.length));
      expect(errors.length).toBeGreaterThan(0);
      expect(codec.decode(bytes, 0, bytes.length)).toStrictEqual(value);
      expect(msgpack().decode(bytes, 0, bytes.length)).toStrictEqual(value);
    }
  });

  it('encodes correctly', () => {
    const codec = msgpack();
    const value = { text: 'x'.repeat(9_000), number: 1.5 };
    const after = { number: 1.5, large: 70_000, big: -5n, date: new Date(1) };
    for (let round = 0; round < 100; round += 1) {
      callNearTheEndOfTheStack(() => codec.encode(value, target, 0), round % 50);
      expect(roundTrip(codec, after), `round ${round}`).toStrictEqual(after);
    }
  });
});

describe('an encode or a decode inside an encode', () => {
  const inner = { text: 'inner'.repeat(100), number: 70_000.5, date: new Date(1), more: [1, 2, 3] };

  it.each([1, 3])('does not disturb it, with %d levels', (levels) => {
    const codec = msgpack();
    const seen: unknown[] = [];
    const make = (level: number): unknown => ({
      before: 'b'.repeat(200),
      get at() {
        if (level > 0) {
          codec.encode(make(level - 1), new Uint8Array(20_000), 0);
          seen.push(roundTrip(msgpack(), inner), roundTrip(codec, inner));
        }
        return 123_456.5;
      },
      after: ['a', 2.5, new Date(5)],
    });
    const outer = { before: 'b'.repeat(200), at: 123_456.5, after: ['a', 2.5, new Date(5)] };
    const buffer = new Uint8Array(20_000);
    const end = codec.encode(make(levels), buffer, 7);
    expect(codec.decode(buffer, 7, end)).toStrictEqual(outer);
    expect(seen.length).toBeGreaterThan(0);
    for (const value of seen) expect(value).toStrictEqual(inner);
  });

  it('does not disturb it when it fails, and its error is not taken for the one of the outer', () => {
    const codec = msgpack();
    const value = {
      get a() {
        codec.encode(inner, new Uint8Array(1), 0);
        return 1;
      },
    };
    try {
      codec.encode(value, target, 0);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(CodecError);
      expect(error).toMatchObject({ code: 'UNENCODABLE', needed: undefined, cause: { code: 'NO_ROOM' } });
    }
    expect(roundTrip(codec, inner)).toStrictEqual(inner);
  });

  it('nor does a decode inside a decode', () => {
    const codec = msgpack();
    const outer = {
      first: 'f'.repeat(50),
      trap_for_setter: 2,
      bytes: Uint8Array.of(1, 2),
      last: [3.5, 'z'.repeat(40)],
    };
    const outerBytes = target.slice(0, codec.encode(outer, target, 0));
    const innerBytes = target.slice(0, codec.encode(inner, target, 0));
    const seen: unknown[] = [];
    // The only foreign code that runs in a decode: a setter of the program on Object.prototype.
    Object.defineProperty(Object.prototype, 'trap_for_setter', {
      configurable: true,
      set() {
        seen.push(codec.decode(innerBytes, 0, innerBytes.length));
      },
    });
    try {
      const { trap_for_setter: _, ...rest } = outer;
      expect(codec.decode(outerBytes, 0, outerBytes.length)).toStrictEqual(rest);
    } finally {
      Reflect.deleteProperty(Object.prototype, 'trap_for_setter');
    }
    expect(seen).toStrictEqual([inner]);
    expect(codec.decode(outerBytes, 0, outerBytes.length)).toStrictEqual(outer);
  });
});

describe('large values', () => {
  it('work, and small ones after them', () => {
    const codec = msgpack();
    const large = new Uint8Array(3_000_000).fill(9);
    const buffer = new Uint8Array(3_000_100);
    const end = codec.encode([large], buffer, 0);
    const [decoded] = codec.decode(buffer, 0, end) as [Uint8Array];
    expect(Buffer.compare(decoded, large)).toBe(0);
    expect(decoded.buffer.byteLength).toBe(large.length);
    expect(roundTrip(codec, { a: 1.5 })).toStrictEqual({ a: 1.5 });
  });
});
