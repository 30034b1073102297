// Values as a program has them that was written by chance: they repeat, and now and then one is another.
import type { Random } from '../support/random.js';

/** Makes one of the values of a program; what getters and other code of the value do is told to `tell`. */
export type MakeValue = (random: Random, tell: (what: string) => void) => unknown;

const KEYS = [
  ...'abcdefgh',
  'id',
  'px',
  'qty',
  'name',
  'price',
  'levels',
  'timestamp',
  'größe',
  '名前',
  '😀',
  '',
  '0',
  '7',
  '10',
  'a b',
  '"\\\n',
  '__proto',
  'toString',
  'constructor',
  'toJSONs',
  'a key of thirty-one characters.',
  'a key of forty characters, all in ASCII..',
  'k'.repeat(70),
];
/** One value in so many is not what it was before. */
const ODD = 40;

function pick<T>(random: Random, items: readonly T[]): T {
  return items[random(items.length)]!;
}

function someKeys(random: Random, most: number): string[] {
  const keys = new Set<string>();
  for (let count = 1 + random(most); count > 0; count -= 1) keys.add(pick(random, KEYS));
  return [...keys];
}

const scalars: readonly MakeValue[] = [
  (random) => random(100),
  (random) => random(2 ** 31) * 2 - 2 ** 31,
  (random) => random(2 ** 30) / 2 ** 10,
  (random) => random(70_000) - 35_000,
  (random) => random(2 ** 30) * 2 ** 20,
  (random) => pick(random, [0, -0, Number.NaN, Infinity, 2 ** 32, -(2 ** 31), 255, 65_536, 1e300]),
  (random) => pick(random, ['', 'buy', 'sell', 'ä', '😀', 'x'.repeat(31), 'x'.repeat(32), 'ö'.repeat(200)]),
  (random) => `text ${random(1000)}`,
  (random) => random(2) === 0,
  () => null,
  () => undefined,
  (random) => BigInt(random(2 ** 31)) << BigInt(random(33)),
  (random) => new Date(random(2 ** 31) * 1000),
  (random) => Uint8Array.from({ length: random(20) }, () => random(256)),
];

const refused: readonly MakeValue[] = [
  () => () => 1,
  () => Symbol('s'),
  () => 'lone \ud800',
  () => new Set([1]),
  () => new Date(Number.NaN),
  () => JSON.parse('{"__proto__": 1}'),
  () => ({ 'lone \udc00': 1 }),
  () => {
    const cycle: Record<string, unknown> = { a: 1 };
    cycle['b'] = [cycle];
    return cycle;
  },
];

/** A kind of value, as programs have them: with the same fields each time, most of the time. */
export function randomMake(random: Random, depth: number): MakeValue {
  const kind = random(depth > 0 ? 20 : 8);
  if (kind < 8) return oddly(pick(random, scalars));
  if (kind < 14) return objects(random, depth);
  if (kind < 17) return lists(random, depth);
  if (kind === 17) return dictionaries(random, depth);
  if (kind === 18) return variants(random, depth);
  return maps(random, depth);
}

function oddly(make: MakeValue): MakeValue {
  return (random, tell) => {
    if (random(ODD) > 0) return make(random, tell);
    if (random(ODD) > 0) return pick(random, scalars)(random, tell);
    return random(4) > 0 ? { px: 1, qty: 2.5 } : pick(random, refused)(random, tell);
  };
}

type Fields = [string, MakeValue][];

function objects(random: Random, depth: number): MakeValue {
  const fields: Fields = someKeys(random, 12).map((key) => [key, randomMake(random, depth - 1)]);
  return oddly((again, tell) => {
    const object = oddObject(again);
    const some = again(ODD) > 0 ? fields : oddFields(again, fields);
    for (const [key, make] of some) {
      const value = make(again, tell);
      if (again(10 * ODD) > 0) define(object, key, { value, writable: true });
      else addCode(again, object, key, value, tell);
    }
    return again(10 * ODD) > 0 ? object : watched(object, tell);
  });
}

/** As an assignment does, but also where a getter stands in its way. */
function define(object: object, key: string, property: PropertyDescriptor): void {
  Object.defineProperty(object, key, { enumerable: true, configurable: true, ...property });
}

class Row {
  readonly #id = 7;

  get id(): number {
    return this.#id;
  }
}

function oddObject(random: Random): Record<string, unknown> {
  if (random(ODD) > 0) return {};
  return pick(random, [() => Object.create(null), () => new Row(), () => Object.create({ inherited: 1 })])();
}

function oddFields(random: Random, fields: Fields): Fields {
  const some = fields.filter(() => random(4) > 0);
  if (random(2) === 0) some.push([pick(random, KEYS), scalars[0]!]);
  return random(2) === 0 ? some.reverse() : some;
}

/** Something that runs while the object is encoded, and may change it meanwhile. */
function addCode(
  random: Random,
  object: Record<string, unknown>,
  key: string,
  value: unknown,
  tell: (what: string) => void,
): void {
  const what = random(4);
  const others = Object.keys(object);
  const run = (): unknown => {
    tell(key);
    if (what === 0) for (const other of KEYS) if (other !== key) delete object[other];
    if (what === 1) object['added'] = 1;
    return value;
  };
  define(object, key, random(3) === 0 ? { value: { toJSON: run } } : { get: run });
  if (what === 2 && others.length > 0) Object.defineProperty(object, others[0]!, { enumerable: false });
}

/** The object behind a proxy that tells of every property that is read, and there. */
function watched(object: object, tell: (what: string) => void): object {
  return new Proxy(object, {
    get(target, key) {
      if (Object.hasOwn(target, key)) tell(`proxy ${String(key)}`);
      return Reflect.get(target, key);
    },
  });
}

function lists(random: Random, depth: number): MakeValue {
  const item = randomMake(random, depth - 1);
  const most = pick(random, [3, 20]);
  return (again, tell) => Array.from({ length: again(most) }, () => item(again, tell));
}

function variants(random: Random, depth: number): MakeValue {
  const makes = Array.from({ length: 2 + random(6) }, () => objects(random, depth - 1));
  return (again, tell) => pick(again, makes)(again, tell);
}

function dictionaries(random: Random, depth: number): MakeValue {
  const item = randomMake(random, depth - 1);
  return (again, tell) => {
    const keys = Array.from({ length: again(6) }, () => `key ${again(1000)}`);
    return Object.fromEntries(keys.map((key) => [key, item(again, tell)]));
  };
}

function maps(random: Random, depth: number): MakeValue {
  const item = randomMake(random, depth - 1);
  return (again, tell) => {
    const keys = Array.from({ length: again(4) }, () => (again(2) === 0 ? again(100) : pick(again, KEYS)));
    return new Map(keys.map((key) => [key, item(again, tell)]));
  };
}
