import { requireOptions } from '../arguments.js';
import { invalidShape } from '../invalid-shape.js';
import { formatPath, messageOf } from '../refusal.js';
import { canonicalTextOf } from './canonical.js';
import { nodeFromText } from './from-text.js';
import {
  BIGINT_RANGES,
  type FieldNode,
  nameOf,
  type OneOfNode,
  type ShapeNode,
  type StructNode,
  type UnionNode,
} from './node.js';
import { requireShape } from './require-shape.js';
import type { Shape } from './shape.js';

/** Characters of a name or a place that are shown. */
const MAX_SHOWN = 200;

/** Options of {@link difference}. */
export interface DifferenceOptions {
  /** What this side does: reads what the other writes, writes what it reads, or `both`. Defaults to `both`. */
  readonly direction?: 'read' | 'write' | 'both' | undefined;
  /** How structs are written. Defaults to `map`; with `array` the order of the fields counts. */
  readonly layout?: 'map' | 'array' | undefined;
}

/**
 * Compares a shape with the text of another side's, of whatever origin. `docs/shapes.md` says which shapes go together:
 * in short, optional fields may be added, and a side that only reads may be wider.
 *
 * @param there the other side's {@link canonicalText}.
 * @returns what keeps the two sides apart, for example `price: f64 there, u32 here`; undefined when nothing does.
 */
export function difference(ours: Shape, there: string, options: DifferenceOptions = {}): string | undefined {
  requireShape('what difference() takes', ours);
  requireOptions('difference()', options, ['direction', 'layout']);
  const { direction = 'both', layout = 'map' } = options;
  if (!['read', 'write', 'both'].includes(direction)) {
    throw invalidShape(`direction must be "read", "write" or "both", not ${JSON.stringify(direction)}`);
  }
  if (layout !== 'map' && layout !== 'array') {
    throw invalidShape(`layout must be "map" or "array", not ${JSON.stringify(layout)}`);
  }
  return differenceOf(ours.node, there, { direction, layout });
}

/** The same for a node. */
export function differenceOf(
  node: ShapeNode,
  there: string,
  { direction = 'both', layout = 'map' }: DifferenceOptions,
): string | undefined {
  const ours = canonicalTextOf(node);
  if (ours === there) return undefined;
  let theirs: ShapeNode;
  try {
    theirs = nodeFromText(there);
  } catch (error) {
    return `the text there is no shape: ${messageOf(error)}`;
  }
  // Read back, so that how the values look in JavaScript plays no part.
  const here = nodeFromText(ours);
  const reading = direction === 'write' ? undefined : new Comparison(layout, true).of(here, theirs, '');
  return reading ?? (direction === 'read' ? undefined : new Comparison(layout, false).of(theirs, here, ''));
}

/** Whether one side can read whatever the other writes. */
class Comparison {
  readonly #layout: 'map' | 'array';
  readonly #readsHere: boolean;

  constructor(layout: 'map' | 'array', readsHere: boolean) {
    this.#layout = layout;
    this.#readsHere = readsHere;
  }

  of(reader: ShapeNode, writer: ShapeNode, path: string): string | undefined {
    if (reader.kind === 'unknown') return undefined;
    if (reader.kind === 'nullable') {
      return this.of(reader.of, writer.kind === 'nullable' ? writer.of : writer, path);
    }
    if (reader.kind === 'array' && writer.kind === 'array') {
      if ((reader.maxItems ?? Infinity) < (writer.maxItems ?? Infinity)) {
        return this.#differ(reader, writer, path);
      }
      return this.of(reader.item, writer.item, `${path}[]`);
    }
    if (reader.kind === 'map' && writer.kind === 'map') {
      return (
        this.of(reader.key, writer.key, `${path}{key}`) ?? this.of(reader.value, writer.value, `${path}{}`)
      );
    }
    if (reader.kind === 'struct' && writer.kind === 'struct') return this.#structs(reader, writer, path);
    if (reader.kind === 'union' && writer.kind === 'union') return this.#unions(reader, writer, path);
    return isWider(reader, writer) ? undefined : this.#differ(reader, writer, path);
  }

  #structs(reader: StructNode, writer: StructNode, path: string): string | undefined {
    if (this.#layout === 'array')
      return this.#orders(reader, writer, path) ?? this.#fields(reader, writer, path);
    return this.#fields(reader, writer, path);
  }

  #orders(reader: StructNode, writer: StructNode, path: string): string | undefined {
    const common = Math.min(reader.fields.length, writer.fields.length);
    for (let index = 0; index < common; index += 1) {
      const [read, written] = [reader.fields[index]!.name, writer.fields[index]!.name];
      if (read === written) continue;
      return this.#sentence(`${path}[${index}]`, JSON.stringify(read), JSON.stringify(written));
    }
    return undefined;
  }

  #fields(reader: StructNode, writer: StructNode, path: string): string | undefined {
    const written = new Map(writer.fields.map((field) => [field.name, field]));
    for (const field of reader.fields) {
      const other = written.get(field.name);
      const place = path + formatPath([field.name]);
      if (!field.optional && (other === undefined || other.optional)) {
        return this.#sentence(place, fieldName(field), other === undefined ? 'nothing' : fieldName(other));
      }
      const found = other === undefined ? undefined : this.of(field.node, other.node, place);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #unions(reader: UnionNode, writer: UnionNode, path: string): string | undefined {
    if (reader.tag !== writer.tag) {
      return this.#sentence(
        path,
        `union by ${JSON.stringify(reader.tag)}`,
        `union by ${JSON.stringify(writer.tag)}`,
      );
    }
    const read = new Map(reader.variants.map(({ name, struct }) => [name, struct]));
    for (const { name, struct } of writer.variants) {
      const place = `${path}(${reader.tag} ${JSON.stringify(name)})`;
      const other = read.get(name);
      if (other === undefined) return this.#sentence(place, 'nothing', 'struct');
      const found = this.of(other, struct, place);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #differ(reader: ShapeNode, writer: ShapeNode, path: string): string {
    return this.#sentence(path, nameOf(reader), nameOf(writer));
  }

  #sentence(path: string, read: string, written: string): string {
    const [here, there] = this.#readsHere ? [read, written] : [written, read];
    return `${shorten(path.replace(/^\./, '') || 'value')}: ${shorten(there)} there, ${shorten(here)} here`;
  }
}

/** The other side's text may hold names of any length. */
function shorten(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

function fieldName(field: FieldNode): string {
  return field.optional ? `optional ${nameOf(field.node)}` : nameOf(field.node);
}

/** For what has no parts: whether each value of the second is one of the first. */
function isWider(reader: ShapeNode, writer: ShapeNode): boolean {
  if (reader.kind === 'float') return holdsNumbers(reader.type, writer);
  const range = rangeOf(reader);
  if (range !== undefined) {
    const other = rangeOf(writer);
    return other !== undefined && range[0] <= other[0] && range[1] >= other[1];
  }
  if (reader.kind === 'oneOf') return writer.kind === 'oneOf' && includesAll(reader, writer);
  if (reader.kind === 'string' && writer.kind === 'oneOf') {
    return writer.values.every((value) => [...value].length <= (reader.maxLength ?? Infinity));
  }
  if (reader.kind === 'string' || reader.kind === 'bytes') {
    return writer.kind === reader.kind && (reader.maxLength ?? Infinity) >= (writer.maxLength ?? Infinity);
  }
  return reader.kind === writer.kind && (reader.kind === 'boolean' || reader.kind === 'timestamp');
}

/** Whether a float of that width holds each number that the other writes. */
function holdsNumbers(type: 'f32' | 'f64', writer: ShapeNode): boolean {
  if (writer.kind === 'float') return type === 'f64' || writer.type === 'f32';
  const range = rangeOf(writer);
  const exact = type === 'f64' ? 2n ** 53n : 2n ** 24n;
  return range !== undefined && range[0] >= -exact && range[1] <= exact;
}

function rangeOf(node: ShapeNode): readonly [bigint, bigint] | undefined {
  if (node.kind === 'bigint') return BIGINT_RANGES[node.type];
  return node.kind === 'integer' ? [BigInt(node.min), BigInt(node.max)] : undefined;
}

function includesAll(reader: OneOfNode, writer: OneOfNode): boolean {
  const known = new Set(reader.values);
  return writer.values.every((value) => known.has(value));
}
