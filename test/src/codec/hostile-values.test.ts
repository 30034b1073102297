import assert from 'node:assert/strict';
import { type Codec, CodecError, codecOf, json, msgpack, raw } from '@mmfbus/codec';
import { encodeInPlace, encodesInPlace } from '@mmfbus/codec/internal';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { shapedValues } from './random-shapes.js';

// Values whose code runs while they are encoded, and changes them meanwhile. The outcome is one value or a CodecError.
const SEED = Number(process.env['CODEC_TEST_SEED'] ?? 20_261_130);
const RUNS = { seed: SEED, numRuns: 400 };

/** Small numbers, the same for the same seed. */
function numbersFrom(seed: number): (most: number) => number {
  let state = seed >>> 0;
  return (most) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) % most;
  };
}

const STRANGE: readonly unknown[] = [
  undefined,
  null,
  Number.NaN,
  -1,
  2 ** 40,
  5n,
  'a\ud800',
  'ä'.repeat(400),
  'x'.repeat(5000),
  Symbol('s'),
  () => 1,
  new Date(Number.NaN),
  new Map([['k', 1]]),
  new Set([1]),
  [],
  [[[[]]]],
  {},
  { length: 3 },
  new Uint8Array(40),
  new Proxy(new Uint8Array(3), {}),
  Object.create(Uint8Array.prototype),
  Object.create(Date.prototype),
  Object.create(Map.prototype),
];

interface Attack {
  readonly next: (most: number) => number;
  /** Called whenever code of the value runs. */
  readonly onRun: () => void;
  /** What can be changed while something else is read. */
  readonly containers: object[];
}

/** What a hostile getter does before it answers. */
function strike({ next, onRun, containers }: Attack): void {
  onRun();
  const victim = containers[next(containers.length)];
  switch (next(12)) {
    case 0:
      if (victim instanceof Map) victim.set(`more ${next(1000)}`, 1);
      else if (Array.isArray(victim)) victim.push(1, 2, 3);
      else Object.assign(victim ?? {}, { [`more ${next(1000)}`]: 1 });
      return;
    case 1:
      if (victim instanceof Map) victim.clear();
      else if (Array.isArray(victim)) victim.length = 0;
      return;
    case 2:
      codecOf({} as never).encode({} as never, new Uint8Array(10), 0);
      return;
    case 3:
      msgpack().encode({ inner: ['x'.repeat(next(3000))] }, new Uint8Array(next(6000)), 0);
      return;
    case 4:
      throw new Error('mine');
    default:
  }
}

/** The same value, with proxies in place of objects and arrays, whose traps strike and now and then lie. */
function hostile(value: unknown, attack: Attack): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Date || value instanceof Uint8Array) {
    return attack.next(60) === 0 ? STRANGE[attack.next(STRANGE.length)] : value;
  }
  if (value instanceof Map) {
    const entries = [...value].map(([key, item]) => [key, hostile(item, attack)] as const);
    class Liar extends Map<unknown, unknown> {
      override get size(): number {
        return attack.next(3);
      }
      override *[Symbol.iterator](): MapIterator<[unknown, unknown]> {
        for (;;) yield ['k', 1];
      }
    }
    const map = attack.next(4) === 0 ? new Liar() : new Map<unknown, unknown>();
    for (const [key, item] of entries) map.set(key, item);
    attack.containers.push(map);
    return map;
  }
  const copy: object = Array.isArray(value)
    ? value.map((item) => hostile(item, attack))
    : Object.fromEntries(Object.entries(value).map(([key, item]) => [key, hostile(item, attack)]));
  attack.containers.push(copy);
  const isQuiet = attack.next(3) === 0;
  return new Proxy(copy, {
    get(target, key, receiver) {
      if (!isQuiet && attack.next(4) === 0) strike(attack);
      if (!isQuiet && attack.next(40) === 0) return STRANGE[attack.next(STRANGE.length)];
      return Reflect.get(target, key, receiver);
    },
    ownKeys(target) {
      attack.onRun();
      return Reflect.ownKeys(target);
    },
    getPrototypeOf(target) {
      attack.onRun();
      return Reflect.getPrototypeOf(target);
    },
  });
}

/** Encodes into a part of a buffer, and looks that what comes out is one value, and that nothing beyond was touched. */
function attackOnce(codec: Codec<unknown>, value: unknown, size: number): 'value' | 'error' {
  const buffer = new Uint8Array(size + 64).fill(0xaa);
  const target = buffer.subarray(32, 32 + size);
  let end: number;
  try {
    end = codec.encode(value, target, 3);
  } catch (error) {
    if (!(error instanceof CodecError)) throw error;
    expect(['UNENCODABLE', 'NO_ROOM']).toContain(error.code);
    return 'error';
  } finally {
    expect(buffer.subarray(0, 35).every((byte) => byte === 0xaa)).toBe(true);
    expect(buffer.subarray(32 + size).every((byte) => byte === 0xaa)).toBe(true);
  }
  expect(end).toBeLessThanOrEqual(size);
  const decoded = codec.decode(target, 3, end);
  const again = new Uint8Array(size + 64);
  const reached = codec.encode(decoded, again, 0);
  assert.deepStrictEqual(codec.decode(again, 0, reached), decoded);
  return 'value';
}

const codecs: readonly (readonly [string, (shape: never) => Codec<unknown>])[] = [
  ['a shape, as map', (shape) => codecOf(shape)],
  ['a shape, as array', (shape) => codecOf(shape, { layout: 'array' })],
  ['msgpack', () => msgpack()],
  ['json', () => json()],
  ['raw', () => raw() as Codec<unknown>],
];

describe('values that change while they are encoded', () => {
  test.each(codecs)('%s', (name, codecFor) => {
    const outcomes = { value: 0, error: 0 };
    fc.assert(
      fc.property(
        shapedValues,
        fc.nat(),
        fc.integer({ min: 0, max: 20_000 }),
        ({ shape, values }, seed, size) => {
          const codec = codecFor(shape as never);
          for (const value of values) {
            const attack = { next: numbersFrom(seed), onRun: () => {}, containers: [] };
            outcomes[attackOnce(codec, hostile(value, attack), size + 100)] += 1;
          }
        },
      ),
      RUNS,
    );
    if (name !== 'raw') expect(outcomes.value).toBeGreaterThan(100);
    expect(outcomes.error).toBeGreaterThan(100);
  });

  test('run no code once they have begun to be encoded in place', () => {
    let done = 0;
    fc.assert(
      fc.property(shapedValues, fc.nat(), ({ shape, values }, seed) => {
        const codec: Codec<unknown> = codecOf(shape);
        if (!encodesInPlace(codec)) return;
        for (const value of values) {
          let begun = false;
          const bytes = new Uint8Array(70_000);
          const place = {
            begin(length: number) {
              expect(begun).toBe(false);
              expect(length).toBeLessThan(70_000);
              begun = true;
              return true;
            },
            bytes,
            data: new DataView(bytes.buffer),
            offset: 0,
            limit: 70_000,
          };
          const onRun = () => expect(begun).toBe(false);
          const end = codec[encodeInPlace](
            hostile(value, { next: numbersFrom(seed), onRun, containers: [] }),
            place,
          );
          expect(begun).toBe(end >= 0);
          if (end < 0) continue;
          codec.decode(place.bytes, 0, end);
          done += 1;
        }
      }),
      { seed: SEED, numRuns: 3000 },
    );
    expect(done).toBeGreaterThan(20);
  });
});
