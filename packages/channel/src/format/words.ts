/** Makes of the words 0 to 2^32 - 1 the whole numbers from -2^31 on, in the same order. */
const SIGN = -(2 ** 31);
const TWO_TO_32 = 2 ** 32;
/** Whether the processor is an x86, where loads are in order, stores are in order, and `Atomics.store` is a whole fence. */
const KEEPS_ORDER = process.arch === 'x64' || process.arch === 'ia32';

/** Writes a 64-bit number as two words, low one first. */
export function writeLong(words: Int32Array, index: number, value: number): void {
  words[index] = value;
  words[index + 1] = value / TWO_TO_32;
}

/** Reads a 64-bit number from two words; exact up to 2^53. */
export function readLong(words: Int32Array, index: number): number {
  return longOf(words[index] as number, words[index + 1] as number);
}

/**
 * The 64-bit number of two words; exact up to 2^53. It is put together from fractions, which V8 adds as floats and nothing else:
 * where it has seen whole numbers only, Node 26 checks of each sum that it is one. Nor is there a `>>> 0` of the low word: its
 * result would be a small integer to V8 until bit 31 of a timestamp changes, and what it compiled for that would be thrown away.
 */
export function longOf(low: number, high: number): number {
  return ((high >>> 0) + 0.5 + (low ^ SIGN) / TWO_TO_32) * TWO_TO_32;
}

/** The lower of the two words of a number of at most 2^53, as an `Int32Array` has it. */
export function lowWordOf(value: number): number {
  return value | 0;
}

/** The upper one. */
export function highWordOf(value: number): number {
  return (value / TWO_TO_32) | 0;
}

/** Whether two words are that number, of at most 2^53: in less time than reading it takes. */
export function isLong(words: Int32Array, index: number, value: number): boolean {
  return words[index] === lowWordOf(value) && words[index + 1] === highWordOf(value);
}

/**
 * Loads a 64-bit number that only grows, such as a position, in less time than a BigInt takes. The low word is loaded first. Where the
 * high word, loaded after it, is still that of `before`, it was the same when the low word was loaded.
 *
 * @param index of the number in `longs`, which lie over `words`.
 * @param before what the number was at some time.
 */
export function loadGrowing(words: Int32Array, longs: BigInt64Array, index: number, before: number): number {
  const low = Atomics.load(words, 2 * index);
  const high = words[2 * index + 1] as number;
  if (high !== highWordOf(before)) return Number(Atomics.load(longs, index));
  return high * TWO_TO_32 + (low >>> 0);
}

/**
 * Stores a 64-bit number that no other program writes meanwhile: one store, which takes no BigInt where the high word stays the same.
 *
 * @param index of the number in `longs`, which lie over `words`.
 */
export function storeLong(words: Int32Array, longs: BigInt64Array, index: number, value: number): void {
  storeWords(words, longs, index, lowWordOf(value), highWordOf(value));
}

/** The same for a number of these two words. */
export function storeWords(
  words: Int32Array,
  longs: BigInt64Array,
  index: number,
  low: number,
  high: number,
): void {
  if (words[2 * index + 1] === high) Atomics.store(words, 2 * index, low);
  else Atomics.store(longs, index, BigInt(longOf(low, high)));
}

/**
 * Stores a word so that a participant that loads it sees everything that was stored before: a release store. On x86 every store is
 * one. A plain one spares the locked instruction of `Atomics.store`, which waits until all stores before it have left the core.
 */
export const storeBehind: (words: Int32Array, index: number, value: number) => void = KEEPS_ORDER
  ? storePlainly
  : Atomics.store;

function storePlainly(words: Int32Array, index: number, value: number): void {
  words[index] = value;
}

/**
 * Loads a word after a store, add or exchange of `Atomics`, and not before it. On x86 those are whole fences, and the load may be a
 * plain one.
 */
export const loadBehind: (words: Int32Array, index: number) => number = KEEPS_ORDER
  ? loadPlainly
  : Atomics.load;

function loadPlainly(words: Int32Array, index: number): number {
  return words[index] as number;
}

/** Reads a position, which another program may have made negative. */
export function readPosition(words: Int32Array, index: number): number {
  return (words[index + 1] as number) * TWO_TO_32 + ((words[index] as number) >>> 0);
}
