// A codec that has learned what a program's values are like gives the answers of one that has seen nothing yet.
import { inspect } from 'node:util';
import { type Codec, msgpack } from '@mmfbus/codec';
import { Packr } from 'msgpackr';
import { expect, test, vi } from 'vitest';
import { createRandom, type Random } from '../support/random.js';
import { mutate, SURROUNDED_START, surrounded } from './mutations.js';
import { type MakeValue, randomMake } from './random-program.js';

const SEED = Number(process.env['CODEC_TEST_SEED'] ?? 20_261_123);
/** Programs that are tried. */
const ROUNDS = Number(process.env['CODEC_TEST_ROUNDS'] ?? 15);
/** Values of each, and how many mutations of each of them are read. */
const VALUES = 150;
const MUTATIONS = 3;

const target = new Uint8Array(2 ** 20);
const packr = new Packr({ useRecords: false });

/** What came out, and what code of the value ran meanwhile. */
interface Outcome {
  readonly bytes?: Uint8Array;
  readonly text: string;
}

function shown(value: unknown): string {
  return inspect(value, {
    depth: Infinity,
    maxArrayLength: Infinity,
    maxStringLength: Infinity,
    breakLength: Infinity,
  });
}

function attempt(run: (tell: (what: string) => void) => Outcome): Outcome {
  const told: string[] = [];
  try {
    const outcome = run((what) => told.push(what));
    return { ...outcome, text: `${outcome.text} ${told.join()}` };
  } catch (error) {
    return { text: `${String(error)} ${told.join()}` };
  }
}

function encode(codec: Codec<unknown>, make: MakeValue, seed: number): Outcome {
  return attempt((tell) => {
    const value = make(createRandom(seed), tell);
    const bytes = target.slice(0, codec.encode(value, target, 0));
    return { bytes, text: Buffer.from(bytes).toString('hex') };
  });
}

function decode(codec: Codec<unknown>, source: Uint8Array, start: number, end: number): Outcome {
  return attempt(() => ({ text: shown(codec.decode(source, start, end)) }));
}

/** As another library writes it: maps have a shorter header. */
function packed(make: MakeValue, seed: number): Uint8Array | undefined {
  try {
    return packr.pack(make(createRandom(seed), () => {}));
  } catch {
    return undefined;
  }
}

function limitsOf(random: Random): Parameters<typeof msgpack>[0] {
  if (random(3) > 0) return {};
  return { maxItems: 1 + random(60), maxDepth: 1 + random(6), int64: 'number-if-exact' };
}

test('values of programs are written and read as if nothing had been learned', () => {
  const generated = vi.spyOn(globalThis, 'Function');
  for (let round = 0; round < ROUNDS; round += 1) {
    const random = createRandom(SEED + round);
    const make = randomMake(random, 4);
    const limits = limitsOf(random);
    const learned = msgpack(limits);
    for (let count = 0; count < VALUES; count += 1) {
      const seed = random(2 ** 31);
      const place = `seed ${SEED}, round ${round}, value ${count}`;
      const { bytes, text } = encode(learned, make, seed);
      expect(text, place).toBe(encode(msgpack(limits), make, seed).text);
      for (const whole of [bytes, packed(make, seed)]) {
        if (whole === undefined) continue;
        for (let mutation = 0; mutation <= MUTATIONS; mutation += 1) {
          const part = mutation === 0 ? whole : mutate(random, whole);
          const source = surrounded(random, part);
          const end = SURROUNDED_START + part.length;
          const read = decode(learned, source, SURROUNDED_START, end).text;
          const hex = Buffer.from(part).toString('hex');
          expect(read, `${place}: ${hex}`).toBe(decode(msgpack(limits), source, SURROUNDED_START, end).text);
        }
      }
    }
  }
  // Otherwise nothing was learned, and nothing compared.
  expect(generated.mock.calls.length).toBeGreaterThan(ROUNDS);
  generated.mockRestore();
});
