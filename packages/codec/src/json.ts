import { requireOptions } from './arguments.js';
import { requireRange, requireRoom } from './bounds.js';
import type { Codec } from './codec.js';
import { CodecError } from './errors.js';
import { checkLimit } from './invalid-shape.js';
import { DEFAULT_ITEMS, MOST_ITEMS } from './limits.js';
import { copyToScratch, createScratch } from './private-copy.js';
import { messageOf, Refusal, toUnencodable } from './refusal.js';

const ID = 'json';
const encoder = new TextEncoder();
const [SPACE, QUOTE, COMMA, BACKSLASH] = [0x20, 0x22, 0x2c, 0x5c] as const;
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d] as const;

// Without a match of either, no number in the text is beyond 1e299, and the reviver, which is slow, is not needed. As one
// expression they take eight times as long.
const LONG_EXPONENT = /\d[eE]\+?\d{3}/;
const MANY_DIGITS = /\d{200}/;

/** Options of {@link json}. */
export interface JsonOptions {
  /**
   * Items of arrays and members of objects in one value, all of them together, for encoding and decoding; at most 2^27. Defaults
   * to 1,048,576, as for {@link msgpack}. Levels need no limit: `JSON.parse` does not recurse.
   */
  readonly maxItems?: number | undefined;
}

/**
 * UTF-8 JSON text (RFC 8259), without a byte order mark.
 *
 * Encodes what `JSON.stringify` does, `toJSON()` included, and refuses where that would drop or change a value in
 * silence: functions, symbols, NaN and the infinities, `Map`, `Set`, errors, byte arrays without `toJSON()`. Two of its
 * habits stay: a property that is `undefined` is left out (in an array it becomes `null`), and -0 becomes 0.
 *
 * @typeParam T what is sent; decoding trusts it and does not check it.
 * @returns a codec with the id `json`. It throws what {@link Codec} says: `UNENCODABLE` for the above, `undefined`
 * itself, a bigint, a cycle, a getter or `toJSON` that throws; `UNDECODABLE` for bytes that are not UTF-8, not JSON, or hold a
 * number beyond the range of a double.
 */
export function json<T = unknown>(options: JsonOptions = {}): Codec<T> {
  requireOptions('json()', options, ['maxItems']);
  const maxItems = checkLimit('maxItems', options.maxItems, DEFAULT_ITEMS, MOST_ITEMS);
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const scratch = createScratch();

  return {
    id: ID,
    encode(value, target, offset) {
      const text = stringify(value);
      const needed = Buffer.byteLength(text, 'utf8');
      // Each item takes a byte at least.
      if (needed > maxItems) requireItems(encoder.encode(text), needed, maxItems, 'UNENCODABLE');
      requireRoom(ID, target, offset, needed);
      encoder.encodeInto(text, target.subarray(offset, offset + needed));
      return offset + needed;
    },
    decode(source, start, end) {
      requireRange(ID, source, start, end);
      const bytes = copyToScratch(scratch, source, start, end);
      if (end - start > maxItems) requireItems(bytes, end - start, maxItems, 'UNDECODABLE');
      try {
        const text = decoder.decode(bytes.subarray(0, end - start));
        return JSON.parse(
          text,
          LONG_EXPONENT.test(text) || MANY_DIGITS.test(text) ? refuseOverflow : undefined,
        ) as T;
      } catch (error) {
        throw new CodecError('UNDECODABLE', `${ID}: ${messageOf(error)}`, { cause: error });
      }
    },
  };
}

/** Counts the items of a text that may not be valid: one for each comma, and one for each bracket that is not closed at once. */
function requireItems(
  text: Uint8Array,
  length: number,
  maxItems: number,
  code: 'UNENCODABLE' | 'UNDECODABLE',
): void {
  let items = 0;
  let inString = false;
  let hasOpened = false;
  for (let index = 0; index < length; index += 1) {
    const byte = text[index] as number;
    if (inString) {
      if (byte === BACKSLASH) index += 1;
      else if (byte === QUOTE) inString = false;
      continue;
    }
    if (byte <= SPACE) continue;
    if (byte === COMMA || (hasOpened && byte !== CLOSE_ARRAY && byte !== CLOSE_OBJECT)) items += 1;
    hasOpened = byte === OPEN_ARRAY || byte === OPEN_OBJECT;
    inString = byte === QUOTE;
  }
  if (items <= maxItems) return;
  throw new CodecError(code, `${ID}: ${items} items and members, where maxItems allows ${maxItems}`);
}

function stringify(value: unknown): string {
  try {
    const text: string | undefined = JSON.stringify(value, refuseLoss);
    if (text === undefined) throw new Refusal('undefined');
    return text;
  } catch (error) {
    throw toUnencodable(ID, error);
  }
}

/** What `JSON.stringify` writes in full: arrays, fields of objects, and the three wrappers, which it unwraps. */
const FAITHFUL_TAGS: ReadonlySet<string> = new Set([
  '[object Object]',
  '[object Array]',
  '[object Number]',
  '[object String]',
  '[object Boolean]',
]);

/** A replacer, and not a walk beforehand, since it sees what `toJSON()` and getters return this one time. */
function refuseLoss(key: string, item: unknown): unknown {
  const what = lossOf(item);
  if (what === undefined) return item;
  throw new Refusal(key === '' ? what : `${what} under the key ${JSON.stringify(key.slice(0, 40))}`);
}

function refuseOverflow(_key: string, item: unknown): unknown {
  if (item === Infinity || item === -Infinity) throw new RangeError('a number is too large');
  return item;
}

function lossOf(item: unknown): string | undefined {
  switch (typeof item) {
    case 'function':
    case 'symbol':
    case 'bigint':
      return `a ${typeof item}`;
    case 'number':
      return Number.isFinite(item) ? undefined : `${item}`;
    case 'object': {
      if (item === null) return undefined;
      const tag = Object.prototype.toString.call(item);
      return FAITHFUL_TAGS.has(tag) ? undefined : `an object of the kind ${tag.slice(8, -1)}`;
    }
    default:
      return undefined;
  }
}
