import { describe, expect, it } from 'vitest';
import { type Codec, CodecError, json, msgpack, raw } from './index.js';

const SEED = Number(process.env.CODEC_TEST_SEED ?? 20_240_607);
const ROUNDS = 20_000;

type Random = (below: number) => number;

/** Whole numbers from 0 up to, not including, `below`; mulberry32. */
function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below) | 0;
  };
}

function pick<T>(random: Random, items: readonly T[]): T {
  return items[random(items.length)] as T;
}

function randomText(random: Random): string {
  const alphabet = pick(random, ['abcdefghij', 'äöü€', '😀x', '_proto']);
  const length = pick(random, [0, 1, 2, 5, 9, 15, 16, 31, 32, 70, 300]);
  return Array.from({ length }, () => pick(random, [...alphabet])).join('');
}

function randomValue(random: Random, depth: number, rich: boolean): unknown {
  switch (random(depth > 0 ? (rich ? 12 : 9) : rich ? 10 : 7)) {
    case 0:
      return null;
    case 1:
      return random(2) === 0;
    case 2:
      return random(300) - 150;
    case 3:
      return (random(2 ** 30) - 2 ** 29) * 2 ** random(24);
    case 4:
      return random(1_000_000) / 1024;
    case 5:
    case 6:
      return randomText(random);
    case 7:
      if (rich) return new Date((random(2 ** 30) - 2 ** 29) * 5000 + random(1000));
      return Array.from({ length: random(6) }, () => randomValue(random, depth - 1, rich));
    case 8:
      if (rich) return Uint8Array.from({ length: random(40) }, () => random(256));
      return randomObject(random, depth, rich);
    case 9:
      return BigInt(random(2 ** 31)) * BigInt(random(2 ** 31)) * (random(2) === 0 ? 1n : -1n);
    case 10:
      return Array.from({ length: random(6) }, () => randomValue(random, depth - 1, rich));
    default:
      return randomObject(random, depth, rich);
  }
}

function randomObject(random: Random, depth: number, rich: boolean): unknown {
  const object: Record<string, unknown> = {};
  for (let count = random(20); count > 0; count -= 1) {
    object[randomText(random)] = randomValue(random, depth - 1, rich);
  }
  return object;
}

const interesting = [
  0xc0, 0xc1, 0xc4, 0xc6, 0xc7, 0xc9, 0xd4, 0xd5, 0xd6, 0xd7, 0xd9, 0xdb, 0xdd, 0xdf, 0x72, 0xff, 0,
];

function mutate(random: Random, bytes: Uint8Array): Uint8Array {
  const result = [...bytes];
  for (let count = random(4); count > 0; count -= 1) {
    const at = random(result.length + 1);
    const byte = random(2) === 0 ? random(256) : pick(random, interesting);
    const kind = random(3);
    if (kind === 0) result.splice(at, 0, byte);
    else if (kind === 1) result.splice(at, random(5));
    else result[at] = byte;
  }
  return Uint8Array.from(result);
}

const codecs: [string, () => Codec<unknown>, boolean][] = [
  ['msgpack', () => msgpack(), true],
  ['json', () => json(), false],
];

function encodeAlone(codec: Codec<unknown>, value: unknown): Uint8Array {
  const target = new Uint8Array(60_000);
  return target.slice(0, codec.encode(value, target, 0));
}

describe.each(codecs)('%s', (_name, make, rich) => {
  it('gives back random values', () => {
    const codec = make();
    const random = createRandom(SEED);
    for (let round = 0; round < 2_000; round += 1) {
      const value = randomValue(random, 3, rich);
      const bytes = encodeAlone(codec, value);
      expect(codec.decode(bytes, 0, bytes.length), `seed ${SEED}, round ${round}`).toStrictEqual(value);
    }
  });

  it('answers random and mutated bytes with a CodecError, or with a value that encodes', () => {
    const codec = make();
    const random = createRandom(SEED);
    let decoded = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const good = encodeAlone(codec, randomValue(random, 2, rich));
      const bytes =
        random(4) === 0 ? Uint8Array.from({ length: random(60) }, () => random(256)) : mutate(random, good);
      // Other bytes on both sides, as in a ring: none of them may matter.
      const source = new Uint8Array(bytes.length + 16).fill(pick(random, interesting));
      source.set(bytes, 8);
      let value: unknown;
      try {
        value = codec.decode(source, 8, 8 + bytes.length);
      } catch (error) {
        if (error instanceof CodecError && error.code === 'UNDECODABLE') continue;
        throw new Error(`seed ${SEED}, round ${round}: ${Buffer.from(bytes).toString('hex')}`, {
          cause: error,
        });
      }
      decoded += 1;
      try {
        // Compared as bytes, since -0 becomes 0.
        const again = encodeAlone(codec, value);
        expect(encodeAlone(codec, codec.decode(again, 0, again.length))).toStrictEqual(again);
      } catch (error) {
        throw new Error(`seed ${SEED}, round ${round}: ${Buffer.from(bytes).toString('hex')}`, {
          cause: error,
        });
      }
    }
    expect(decoded).toBeGreaterThan(ROUNDS / 100);
  });
});

describe('raw', () => {
  it('gives back random bytes', () => {
    const random = createRandom(SEED);
    for (let round = 0; round < 2_000; round += 1) {
      const value = Uint8Array.from({ length: random(200) }, () => random(256));
      const bytes = encodeAlone(raw() as Codec<unknown>, value);
      expect(raw().decode(bytes, 0, bytes.length), `seed ${SEED}, round ${round}`).toStrictEqual(value);
    }
  });
});
