import { types } from 'node:util';
import { MAX_DEPTH } from './msgpack-check.js';
import { Refusal } from './refusal.js';

const hasOwn = Object.prototype.hasOwnProperty;

/** Keys that were found good last, by their place in an object: objects of one kind follow one another. */
const goodKeys: string[] = Array(32).fill('');

/** Most fields that msgpackr, without `variableMapSize`, can count after it has written them. */
const MOST_FIELDS = 0xffff;

/**
 * Makes sure that msgpackr writes `value` faithfully as standard msgpack, since for what it cannot write it puts nil,
 * an empty map, or wrong bytes without a word.
 *
 * @returns `value` itself, or a copy in which what msgpackr would misread is replaced: class instances by their fields
 * or by what their `toJSON()` returns, `ArrayBuffer` by its bytes, subclasses of arrays and maps by plain ones, objects of
 * more than 65,535 fields by maps.
 * @throws {@link Refusal} for what has no encoding, and whatever getters, proxies and `toJSON()` throw.
 */
export function toEncodable(value: unknown, depth = 0): unknown {
  switch (typeof value) {
    case 'string':
      if (!isWellFormed(value)) throw new Refusal('a string with a lone surrogate');
      return value;
    case 'bigint':
      if (value < -0x8000000000000000n || value > 0xffffffffffffffffn)
        throw new Refusal('a bigint beyond 64 bits');
      return value;
    case 'function':
    case 'symbol':
      throw new Refusal(`a ${typeof value}`);
    case 'object':
      return value === null ? null : toEncodableObject(value, depth);
    default:
      return value;
  }
}

function toEncodableObject(value: object, depth: number): unknown {
  if (Array.isArray(value)) return toEncodableArray(value, depth);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) {
    return hasToJson(value) ? replaceByJson(value, depth) : toEncodableFields(value, depth, false);
  }
  if (types.isDate(value)) return toEncodableDate(value);
  if (types.isUint8Array(value)) return toEncodableBytes(value);
  if (types.isMap(value)) return toEncodableMap(value, depth);
  if (types.isArrayBuffer(value)) return new Uint8Array(value);
  if (hasToJson(value)) return replaceByJson(value, depth);
  const tag = Object.prototype.toString.call(value);
  if (tag !== '[object Object]') throw new Refusal(`an object of the kind ${tag.slice(8, -1)}`);
  return toEncodableFields(value, depth, true);
}

function toEncodableArray(array: unknown[], depth: number): unknown[] {
  requireDepth(array, depth);
  let copy: unknown[] | undefined = array.constructor === Array ? undefined : [];
  for (let index = 0; index < array.length; index += 1) {
    const item = array[index];
    let encodable = item;
    if (typeof item !== 'number') {
      try {
        encodable = toEncodable(item, depth + 1);
      } catch (error) {
        throw addPlace(error, array, index);
      }
      if (encodable !== item) copy ??= Array.from({ length: index }, (_, before) => array[before]);
    }
    copy?.push(encodable);
  }
  return copy ?? array;
}

function toEncodableFields(object: object, depth: number, mustCopy: boolean): object {
  requireDepth(object, depth);
  let copy: Record<string, unknown> | undefined = mustCopy ? {} : undefined;
  let fields = 0;
  // for-in with this test, not Object.keys: a third of the time, as V8 then knows where the properties lie.
  for (const key in object) {
    if (!hasOwn.call(object, key)) continue;
    const place = fields % goodKeys.length;
    if (key !== goodKeys[place]) {
      requireKey(key, object);
      goodKeys[place] = key;
    }
    fields += 1;
    const item = (object as Record<string, unknown>)[key];
    let encodable = item;
    if (typeof item !== 'number') {
      try {
        encodable = toEncodable(item, depth + 1);
      } catch (error) {
        throw addPlace(error, object, key);
      }
      if (encodable !== item) copy ??= copyFieldsBefore(object as Record<string, unknown>, key);
    }
    if (copy !== undefined) copy[key] = encodable;
  }
  const encodable = copy ?? object;
  return fields > MOST_FIELDS ? new Map(Object.entries(encodable)) : encodable;
}

function copyFieldsBefore(object: Record<string, unknown>, end: string): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const key in object) {
    if (key === end) break;
    if (hasOwn.call(object, key)) copy[key] = object[key];
  }
  return copy;
}

function toEncodableMap(map: Map<unknown, unknown>, depth: number): Map<unknown, unknown> {
  requireDepth(map, depth);
  const copy = new Map<unknown, unknown>();
  let changed = map.constructor !== Map;
  for (const [key, item] of map) {
    const place = typeof key === 'string' || typeof key === 'number' ? key : String(typeof key);
    try {
      if (typeof key === 'string') requireKey(key);
      else if (typeof key === 'bigint') toEncodable(key);
      else if (typeof key !== 'number') throw new Refusal('a map key that is neither a string nor a number');
      const encodable = toEncodable(item, depth + 1);
      changed ||= !Object.is(encodable, item);
      copy.set(key, encodable);
    } catch (error) {
      throw addPlace(error, map, place);
    }
  }
  return changed ? copy : map;
}

function toEncodableDate(date: Date): Date {
  const time = Date.prototype.getTime.call(date);
  if (Number.isNaN(time)) throw new Refusal('an invalid Date');
  return date.constructor === Date ? date : new Date(time);
}

function toEncodableBytes(bytes: Uint8Array): Uint8Array {
  if (bytes.constructor === Uint8Array || bytes.constructor === Buffer) return bytes;
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function hasToJson(value: object): value is { toJSON(): unknown } {
  return typeof (value as { toJSON?: unknown }).toJSON === 'function';
}

function replaceByJson(value: { toJSON(): unknown }, depth: number): unknown {
  requireDepth(value, depth);
  const replacement = value.toJSON();
  return replacement === value ? toEncodableFields(value, depth, true) : toEncodable(replacement, depth + 1);
}

function requireDepth(container: object, depth: number): void {
  if (depth >= MAX_DEPTH) throw new Refusal(`something nested deeper than ${MAX_DEPTH} levels`, container);
}

function requireKey(key: string, container?: object): void {
  if (key !== '__proto__' && isWellFormed(key)) return;
  const refusal = new Refusal(key === '__proto__' ? 'the key "__proto__"' : 'a key with a lone surrogate');
  throw container === undefined ? refusal : refusal.foundIn(container, key);
}

function addPlace(error: unknown, container: object, key: string | number): unknown {
  return error instanceof Refusal ? error.foundIn(container, key) : error;
}

// TypeScript knows isWellFormed from ES2024 on, Node from 20 on.
function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}
