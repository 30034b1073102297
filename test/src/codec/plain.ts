import type { ShapeNode, StructNode } from '@mmfbus/codec';

/** What a value of a shape looks like to a library that knows no shapes: maps as objects, their keys as strings. */
export function toPlain(node: ShapeNode, value: unknown): unknown {
  switch (node.kind) {
    case 'nullable':
      return value === null ? null : toPlain(node.of, value);
    case 'array':
      return (value as unknown[]).map((item) => toPlain(node.item, item));
    case 'map': {
      const items = entriesOf(value).map(([key, item]): [unknown, unknown] => [
        key,
        toPlain(node.value, item),
      ]);
      // As an object its keys would be strings, which an integer is not.
      return node.key.kind === 'string' || node.key.kind === 'oneOf'
        ? Object.fromEntries(items)
        : new Map(items);
    }
    case 'struct':
      return mapFields(node, value, toPlain);
    case 'union':
      return mapFields(variantOf(node.variants, value, node.tag), value, toPlain);
    default:
      return value;
  }
}

/**
 * The value of a shape that another library meant. Throws for what the shape does not hold.
 *
 * @param plain what it decoded: integers as numbers or bigints, maps as objects.
 */
export function fromPlain(node: ShapeNode, plain: unknown): unknown {
  switch (node.kind) {
    case 'integer':
    case 'float':
      if (typeof plain === 'number' || typeof plain === 'bigint') return toNumber(plain, node.type === 'f32');
      throw new TypeError('no number');
    case 'bigint':
      if (typeof plain === 'number' || typeof plain === 'bigint') return BigInt(plain);
      throw new TypeError('no number');
    case 'bytes':
      if (plain instanceof Uint8Array) return Uint8Array.from(plain);
      throw new TypeError('no bytes');
    case 'nullable':
      return plain === null ? null : fromPlain(node.of, plain);
    case 'array':
      if (Array.isArray(plain)) return plain.map((item) => fromPlain(node.item, item));
      throw new TypeError('no array');
    case 'map': {
      if (!isObject(plain)) throw new TypeError('no map');
      const items = entriesOf(plain).map(([key, item]): [unknown, unknown] => [
        fromKey(node.key, key, plain instanceof Map),
        fromPlain(node.value, item),
      ]);
      return node.as === 'map' ? new Map(items) : Object.fromEntries(items as [string, unknown][]);
    }
    case 'struct':
      return mapFields(node, plain, fromPlain);
    case 'union':
      return mapFields(variantOf(node.variants, plain, node.tag), plain, fromPlain);
    case 'unknown':
      return withObjects(plain);
    default:
      return plain;
  }
}

function toNumber(plain: number | bigint, isSingle: boolean): number {
  const number = Number(plain);
  if (typeof plain === 'bigint' && BigInt(number) !== plain) throw new RangeError('not exact');
  return isSingle ? Math.fround(number) : number;
}

/** @param isExact whether the key is as it was written; in an object it has become a string. */
function fromKey(node: ShapeNode, key: unknown, isExact: boolean): unknown {
  if (node.kind === 'string' || node.kind === 'oneOf') {
    if (typeof key === 'string') return key;
    throw new TypeError('no string');
  }
  if (isExact) return fromPlain(node, key === 0 ? 0 : key);
  if (node.kind === 'bigint') return BigInt(key as string);
  return Number(key) + 0;
}

function entriesOf(value: unknown): [unknown, unknown][] {
  return value instanceof Map ? [...value] : Object.entries(value as object);
}

/** An object that another library made of a map, or a `Map`. */
function isObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  return value instanceof Map || Object.getPrototypeOf(value) === Object.prototype;
}

function variantOf(
  variants: readonly { readonly name: string; readonly struct: StructNode }[],
  value: unknown,
  tag: string,
): StructNode {
  const variant = variants.find(({ name }) => name === itemOf(value as object, tag));
  if (variant === undefined) throw new TypeError('no variant');
  return variant.struct;
}

function itemOf(value: object, name: string): unknown {
  if (value instanceof Map) return value.get(name);
  return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
}

/** The value with objects in place of maps. */
function withObjects(plain: unknown): unknown {
  if (Array.isArray(plain)) return plain.map(withObjects);
  if (!(plain instanceof Map)) return plain;
  return Object.fromEntries([...plain].map(([key, item]) => [String(key), withObjects(item)]));
}

function mapFields(
  { fields }: StructNode,
  value: unknown,
  convert: (node: ShapeNode, item: unknown) => unknown,
): object {
  if (!isObject(value)) throw new TypeError('no object');
  const entries = fields.flatMap(({ name, node, optional }): [string, unknown][] => {
    const item = itemOf(value, name);
    // Another library cannot tell nil from what is missing.
    if (optional && (item === undefined || item === null)) return [];
    if (item === undefined) throw new TypeError('a field is missing');
    return [[name, convert(node, item)]];
  });
  return Object.fromEntries(entries);
}

/** Whether there is a map somewhere in the shape whose keys are numbers. */
export function hasNumberKeys(node: ShapeNode): boolean {
  switch (node.kind) {
    case 'nullable':
      return hasNumberKeys(node.of);
    case 'array':
      return hasNumberKeys(node.item);
    case 'map':
      return (node.key.kind !== 'string' && node.key.kind !== 'oneOf') || hasNumberKeys(node.value);
    case 'struct':
      return node.fields.some((field) => hasNumberKeys(field.node));
    case 'union':
      return node.variants.some(({ struct }) => hasNumberKeys(struct));
    default:
      return false;
  }
}
