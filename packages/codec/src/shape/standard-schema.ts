/**
 * A validator with the interface of Standard Schema, version 1 (https://standardschema.dev), as zod, valibot, arktype
 * and others have it. Every {@link Shape} is one.
 *
 * @typeParam Input what it takes.
 * @typeParam Output what it makes of that.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  /** What Standard Schema defines. */
  readonly '~standard': {
    /** The version of the interface. */
    readonly version: 1;
    /** Who made the validator. */
    readonly vendor: string;
    /** Checks a value. */
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>;
    /** For types only. */
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** What a Standard Schema says of a value: the value, or what is wrong with it. */
export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

/** Something wrong with a value. */
export interface StandardIssue {
  /** What is wrong. */
  readonly message: string;
  /** Where, from the outside in. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What a Standard Schema makes of what it takes. */
export type StandardOutput<S extends StandardSchema> = NonNullable<S['~standard']['types']>['output'];
