import { describeKind } from './arguments.js';
import type { Codec } from './codec.js';
import { CodecError } from './errors.js';
import { invalidShape } from './invalid-shape.js';
import { MOST_DEPTH } from './limits.js';
import { type MsgpackOptions, msgpack } from './msgpack.js';
import { formatPath, messageOf } from './refusal.js';
import type { StandardIssue, StandardOutput, StandardSchema } from './shape/standard-schema.js';

/**
 * The codec {@link msgpack} with a validator before encoding and after decoding: any that is a Standard Schema, as those of
 * zod, valibot and arktype are. It costs what that codec and the validator cost; a {@link Shape} is many times faster.
 *
 * What the validator makes of a value is what is encoded, and again what decoding returns. So a validator that transforms
 * must accept what it returns, as trimming and defaults do; from text to `Date` does not, and is refused on encoding.
 * Properties that are `undefined` are left out, since msgpack has no such value.
 *
 * @returns a codec with the id `msgpack`. It throws what {@link Codec} says, and `UNENCODABLE` or `UNDECODABLE` for what the
 * validator refuses, and for a validator that is asynchronous.
 */
export function validated<S extends StandardSchema>(
  schema: S,
  options: MsgpackOptions = {},
): Codec<StandardOutput<S>> {
  if (typeof (schema as Partial<StandardSchema> | null)?.['~standard']?.validate !== 'function') {
    throw invalidShape(
      `validated() takes a Standard Schema, as those of zod, valibot and arktype are, not ${describeKind(schema)}`,
    );
  }
  const codec = msgpack<unknown>(options);
  return {
    id: codec.id,
    encode(value, target, offset) {
      return codec.encode(withoutUndefined(check(schema, value, 'UNENCODABLE')), target, offset);
    },
    decode(source, start, end) {
      return check(schema, codec.decode(source, start, end), 'UNDECODABLE') as StandardOutput<S>;
    },
  };
}

function check(schema: StandardSchema, value: unknown, code: 'UNENCODABLE' | 'UNDECODABLE'): unknown {
  let result: ReturnType<StandardSchema['~standard']['validate']>;
  try {
    result = schema['~standard'].validate(value);
  } catch (error) {
    throw new CodecError(code, `the validator threw: ${messageOf(error)}`, { cause: error });
  }
  if (result instanceof Promise) {
    // No other code will: an unhandled rejection would end the process.
    result.catch(() => {});
    throw new CodecError(code, 'the validator is asynchronous, and a codec cannot wait');
  }
  if (result.issues === undefined) return result.value;
  throw new CodecError(
    code,
    result.issues.map(describeIssue).join('; ') || 'the validator refuses the value',
  );
}

function describeIssue({ path = [], message }: StandardIssue): string {
  const keys = path.map((part) => (typeof part === 'object' ? part.key : part));
  const place = formatPath(keys.map((key) => (typeof key === 'number' ? key : String(key))));
  return `${place.replace(/^\./, '') || 'value'}: ${message}`;
}

/** The value itself, or a copy without the properties that are undefined. Only plain objects and arrays are looked into. */
function withoutUndefined(value: unknown, depth = 0): unknown {
  // What is deeper, or contains itself, is left to the codec, which refuses it.
  if (typeof value !== 'object' || value === null || depth > MOST_DEPTH) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => withoutUndefined(item, depth + 1));
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  const entries = Object.entries(value);
  const kept = entries
    .filter(([, item]) => item !== undefined)
    .map(([key, item]) => [key, withoutUndefined(item, depth + 1)]);
  const isSame =
    kept.length === entries.length && kept.every(([, item], index) => item === entries[index]![1]);
  return isSame ? value : Object.fromEntries(kept);
}
