import { describeKind } from '../arguments.js';
import { invalidShape, requireName, requireWhole } from '../invalid-shape.js';
import { MOST_DEPTH } from '../limits.js';
import { formatPath, messageOf } from '../refusal.js';
import { VERSION } from './canonical.js';
import { mapNode, structNode, unionNode } from './containers.js';
import { describeValue, shownText } from './mismatch.js';
import { type FieldNode, INTEGER_RANGES, type IntegerType, type ShapeNode, type StructNode } from './node.js';
import { integerNode, oneOfNode } from './scalars.js';
import { makeShape, type Shape } from './shape.js';

/** Characters of a text that is read. */
const MAX_TEXT = 2 ** 20;
/** Characters of a place that are shown. */
const PLACE_SHOWN = 80;

/**
 * The shape that a text describes: what {@link canonicalText} undoes, so that a program without the definition decodes, checks and
 * shows the values. The text may come from any program.
 *
 * Where the text leaves the choice, values lose nothing: integers of 64 bits are bigints, those with bounds numbers; a map is
 * a `Map`, whatever its keys are; bytes are copies. White space and the order of members and of strings in a `oneOf` do not matter.
 *
 * @param text a canonical text; at most 1,048,576 characters, and at most 256 levels deep, which is the most that a codec takes.
 * @throws {@link CodecError} `INVALID_SHAPE` for a text that describes no shape, with the place in the values where it fails:
 * `legs[].price: "f128" is no kind of shape`.
 * @example
 * ```ts
 * const shape = shapeFromText('{"version":1,"shape":{"struct":[["id","u32"],["price","f64"]]}}');
 * codecOf(shape); // reads what codecOf(struct({ id: u32(), price: f64() })) writes
 * ```
 */
export function shapeFromText(text: string): Shape {
  return makeShape(nodeFromText(text));
}

/**
 * The same as a node.
 *
 * @throws {@link CodecError} `INVALID_SHAPE`, and nothing else.
 */
export function nodeFromText(text: string): ShapeNode {
  if (typeof text !== 'string') {
    throw invalidShape(`the text of a shape must be a string, not ${describeKind(text)}`);
  }
  if (text.length > MAX_TEXT) {
    throw invalidShape(`the text of a shape has at most ${MAX_TEXT} characters, not ${text.length}`);
  }
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw invalidShape(`it is no JSON (${messageOf(error)})`);
  }
  const { version, shape } = members(document, ['version', 'shape']);
  if (version !== VERSION) {
    throw invalidShape(`the version of the text must be ${VERSION}, not ${describeValue(version)}`);
  }
  return nodeFromTerm(shape);
}

/**
 * The node that a term describes, as it stands in a canonical text.
 *
 * @param term any value that JSON has.
 * @throws {@link CodecError} `INVALID_SHAPE`, and nothing else.
 */
function nodeFromTerm(term: unknown): ShapeNode {
  const reader = new TermReader();
  try {
    return reader.node(term);
  } catch (error) {
    throw invalidShape(`${reader.place}: ${messageOf(error)}`);
  }
}

/**
 * The shape that a term describes, as it stands in a canonical text.
 *
 * @param term any value that JSON has.
 * @throws {@link CodecError} `INVALID_SHAPE` for a term that describes no shape.
 */
export function shapeFromTerm(term: unknown): Shape {
  return makeShape(nodeFromTerm(term));
}

/** Reads the terms of a text, and knows at which of them it is. */
class TermReader {
  /** The way from the outside in, with one part for each level. A refusal leaves it where it was found. */
  readonly #parts: string[] = [];

  /** Where the term stands in the values, as in `legs[].price`. */
  get place(): string {
    const place = this.#parts.join('').replace(/^\./, '') || 'value';
    return place.length > PLACE_SHOWN ? `${place.slice(0, PLACE_SHOWN)}…` : place;
  }

  node(term: unknown): ShapeNode {
    return Object.freeze(typeof term === 'string' ? fromName(term) : this.#fromObject(term));
  }

  #fromObject(term: unknown): ShapeNode {
    const kind = Object.keys(members(term))[0] ?? '';
    switch (kind) {
      case 'string':
      case 'bytes': {
        const { maxLength } = members(members(term, [kind])[kind], ['maxLength']);
        requireWhole('maxLength', maxLength, 0, 0xffff_ffff);
        const limit = maxLength as number;
        return kind === 'string' ? { kind, maxLength: limit } : { kind, maxLength: limit, copy: true };
      }
      case 'oneOf':
        return oneOfNode(list(members(term, [kind])[kind], 1, Infinity));
      case 'nullable':
        return { kind, of: this.#inside('', () => this.node(members(term, [kind])[kind])) };
      case 'array': {
        const { array, maxItems } = members(term, [kind, 'maxItems']);
        if (maxItems !== undefined) requireWhole('maxItems', maxItems, 0, 0xffff_ffff);
        const item = this.#inside('[]', () => this.node(array));
        return { kind, item, maxItems: maxItems as number | undefined };
      }
      case 'map': {
        const [key, value] = list(members(term, [kind])[kind], 2, 2);
        const keyNode = this.#inside('{key}', () => this.node(key));
        return mapNode(
          keyNode,
          this.#inside('{}', () => this.node(value)),
          'map',
        );
      }
      case 'struct':
        return this.#struct(members(term, [kind])[kind]);
      case 'union':
        return this.#union(members(term, [kind, 'of']));
      default: {
        if (!isIntegerType(kind)) throw invalidShape(`${shownText(kind)} is no kind of shape`);
        const { min, max } = members(members(term, [kind])[kind], ['min', 'max']);
        return integerNode(kind, min as number | undefined, max as number | undefined);
      }
    }
  }

  #struct(fields: unknown): StructNode {
    return structNode(
      list(fields, 0, Infinity).map((field, index) =>
        this.#inside(partOf(field, index), (): FieldNode => {
          const [name, term, flag] = list(field, 2, 3);
          if (flag !== undefined && flag !== 'optional') {
            throw invalidShape(`what follows a field must be "optional", not ${describeValue(flag)}`);
          }
          return { name: name as string, node: this.node(term), optional: flag === 'optional' };
        }),
      ),
    );
  }

  #union({ union: tag, of }: Record<string, unknown>): ShapeNode {
    requireName('the tag of a union', tag);
    const variants = list(of, 1, Infinity).map((variant) => {
      const [name, fields] = list(variant, 2, 2);
      const part = typeof name === 'string' ? `(${tag.slice(0, 40)} ${shownText(name)})` : '';
      return [name as string, this.#inside(part, () => this.#struct(fields))] as const;
    });
    return unionNode(tag, variants);
  }

  #inside<R>(part: string, read: () => R): R {
    // The whole is a level too.
    if (this.#parts.length + 1 >= MOST_DEPTH) {
      throw invalidShape(`the shape is nested deeper than ${MOST_DEPTH} levels`);
    }
    this.#parts.push(part);
    const result = read();
    this.#parts.pop();
    return result;
  }
}

function fromName(name: string): ShapeNode {
  switch (name) {
    case 'u64':
    case 'i64':
      return { kind: 'bigint', type: name };
    case 'f32':
    case 'f64':
      return { kind: 'float', type: name };
    case 'boolean':
    case 'timestamp':
    case 'unknown':
      return { kind: name };
    case 'string':
      return { kind: name, maxLength: undefined };
    case 'bytes':
      return { kind: name, maxLength: undefined, copy: true };
    default:
      if (isIntegerType(name)) return integerNode(name);
      throw invalidShape(`${shownText(name)} is no kind of shape`);
  }
}

/** Where a field stands: its name, if it has one. */
function partOf(field: unknown, index: number): string {
  const name: unknown = Array.isArray(field) ? field[0] : undefined;
  return formatPath([typeof name === 'string' ? name : index]);
}

function isIntegerType(name: string): name is IntegerType {
  return Object.hasOwn(INTEGER_RANGES, name);
}

function members(value: unknown, allowed?: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidShape(`an object is missing, there is ${describeValue(value)}`);
  }
  const unknown =
    allowed === undefined ? undefined : Object.keys(value).find((key) => !allowed.includes(key));
  if (unknown === undefined) return value as Record<string, unknown>;
  throw invalidShape(`${shownText(unknown)} is not known beside ${allowed?.join(', ')}`);
}

function list(value: unknown, least: number, most: number): readonly unknown[] {
  if (Array.isArray(value) && value.length >= least && value.length <= most) return value;
  const count = most === Infinity ? `at least ${least}` : least === most ? least : `${least} to ${most}`;
  throw invalidShape(`a list of ${count} items is missing, there is ${describeValue(value)}`);
}
