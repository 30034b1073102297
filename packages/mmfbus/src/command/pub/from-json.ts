import { Buffer } from 'node:buffer';
import type { FieldNode, KeyNode, ShapeNode } from '@mmfbus/codec';
import { printable } from '@mmfbus/terminal';
import { Failure } from '../failure.js';
import { suggestion } from '../spelling.js';

/**
 * The value of a shape that JSON describes, as `toJsonSchema` says it: bytes are base64, points in time text. Whole numbers of 64 bits may
 * be text, as JSON cannot hold all of them. What does not fit is left as it is, for the codec to refuse.
 *
 * @param place of the value, for errors. Defaults to the whole value.
 * @throws {Failure} for a field that the shape does not have, and for a number that JSON has changed.
 */
export function fromJson(node: ShapeNode, json: unknown, place = ''): unknown {
  switch (node.kind) {
    case 'nullable':
      return json === null ? null : fromJson(node.of, json, place);
    case 'bigint':
      return bigintOf(json, place);
    case 'bytes':
      return typeof json === 'string' ? bytesOf(json, place) : json;
    case 'timestamp':
      return typeof json === 'string' || typeof json === 'number' ? dateOf(json, place) : json;
    case 'array':
      return Array.isArray(json)
        ? json.map((item, index) => fromJson(node.item, item, `${place}[${index}]`))
        : json;
    case 'struct':
      return isObject(json) ? structOf(node.fields, json, place) : json;
    case 'union': {
      const variant = isObject(json) ? node.variants.find(({ name }) => name === json[node.tag]) : undefined;
      return variant === undefined ? json : fromJson(variant.struct, json, place);
    }
    case 'map':
      return isObject(json) ? mapOf(node, json, place) : json;
    default:
      return json;
  }
}

function isObject(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function placeOf(place: string): string {
  return place === '' ? 'the value' : printable(place.replace(/^\./, ''));
}

function bigintOf(json: unknown, place: string): unknown {
  if (typeof json === 'string' && /^-?\d+$/.test(json)) return BigInt(json);
  if (typeof json !== 'number' || !Number.isInteger(json)) return json;
  if (Number.isSafeInteger(json)) return BigInt(json);
  throw new Failure(
    `${placeOf(place)}: JSON does not keep a number of this size; write it as a text, as in "${BigInt(json)}"`,
  );
}

function bytesOf(json: string, place: string): Uint8Array {
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(json))
    throw new Failure(`${placeOf(place)}: bytes are written as base64`);
  return new Uint8Array(Buffer.from(json, 'base64'));
}

function dateOf(json: string | number, place: string): Date {
  const date = new Date(json);
  if (Number.isNaN(date.getTime())) {
    throw new Failure(
      `${placeOf(place)}: a timestamp is written as "2026-01-31T12:00:00Z" or in milliseconds since 1970`,
    );
  }
  return date;
}

function structOf(fields: readonly FieldNode[], json: Record<string, unknown>, place: string): unknown {
  const known = new Map(fields.map((field) => [field.name, field.node]));
  const members = Object.entries(json).map(([name, member]) => {
    const node = known.get(name);
    if (node === undefined) {
      throw new Failure(`${placeOf(place)} has no field ${printable(name)}${suggestion(name, known.keys())}`);
    }
    return [name, fromJson(node, member, `${place}.${name}`)] as const;
  });
  return Object.fromEntries(members);
}

function mapOf(
  node: ShapeNode & { readonly kind: 'map' },
  json: Record<string, unknown>,
  place: string,
): unknown {
  const members = Object.entries(json).map(
    ([name, member]) => [keyOf(node.key, name), fromJson(node.value, member, `${place}.${name}`)] as const,
  );
  return node.as === 'map' ? new Map(members) : Object.fromEntries(members as [string, unknown][]);
}

function keyOf({ kind }: KeyNode, name: string): unknown {
  if (kind === 'integer' && /^-?\d+$/.test(name)) return Number(name);
  return kind === 'bigint' && /^-?\d+$/.test(name) ? BigInt(name) : name;
}
