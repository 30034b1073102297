import type { JsonSchema, JsonSchemaTarget } from './json-schema.js';
import type { ShapeNode } from './node.js';
import type { StandardResult } from './standard-schema.js';
import { toJsonSchemaOf } from './to-json-schema.js';
import { validateNode } from './validate.js';

/**
 * What values of one type look like: made by `struct()` and the other builders, it gives the TypeScript type
 * ({@link Infer}), a codec ({@link codecOf}), a validator (it is a {@link StandardSchema}) and a JSON Schema.
 *
 * @typeParam T the values.
 */
export interface Shape<T = unknown> {
  /** The shape as plain data. */
  readonly node: ShapeNode;
  /** What Standard Schema and Standard JSON Schema define. */
  readonly '~standard': {
    /** The version of the interface. */
    readonly version: 1;
    /** Who made the validator. */
    readonly vendor: 'mmfbus';
    /** Checks a value, without changing it. */
    readonly validate: (value: unknown) => StandardResult<T>;
    /** For types only. */
    readonly types?: { readonly input: T; readonly output: T } | undefined;
    /** Converts to JSON Schema. */
    readonly jsonSchema: {
      /** The schema of what is encoded. */
      readonly input: (options: { readonly target: JsonSchemaTarget }) => JsonSchema;
      /** The schema of what is decoded: the same. */
      readonly output: (options: { readonly target: JsonSchemaTarget }) => JsonSchema;
    };
  };
}

/**
 * The type of the values of a shape.
 *
 * @example
 * ```ts
 * const quote = struct({ symbol: string(), price: f64() });
 * type Quote = Infer<typeof quote>; // { symbol: string; price: number }
 * ```
 */
export type Infer<S extends Shape> = S extends Shape<infer T> ? T : never;

/** Makes the shape of a node. The node is frozen. */
export function makeShape<T>(node: ShapeNode): Shape<T> {
  const convert = ({ target }: { readonly target: JsonSchemaTarget }) => toJsonSchemaOf(node, target);
  return Object.freeze({
    node: Object.freeze(node),
    '~standard': Object.freeze({
      version: 1 as const,
      vendor: 'mmfbus' as const,
      validate: (value: unknown) => validateNode<T>(node, value),
      jsonSchema: Object.freeze({ input: convert, output: convert }),
    }),
  });
}
