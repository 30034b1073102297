import type { ErrorSchema, InputSchema, OutputSchema } from './schema.js';

const brand: unique symbol = Symbol.for('mmfbus.service.method') as never;

/** The declared errors of a method: the data of each by its code. */
export type ErrorSchemas = Readonly<Record<string, ErrorSchema>>;

/** What {@link method} takes. */
export interface MethodOptions<
  I extends InputSchema | undefined,
  O extends OutputSchema | undefined,
  E extends ErrorSchemas,
> {
  /** What a call brings: a shape, another Standard Schema, or {@link stream} of one. Defaults to nothing. */
  readonly input?: I | undefined;
  /**
   * What the handler gives: a shape, another Standard Schema, {@link stream} of one, or {@link nothing}. Without it the method is
   * one way: a call settles when it is sent, runs at most once, and is not answered.
   */
  readonly output?: O | undefined;
  /**
   * Errors that the handler may throw, with the data of each: a shape, another Standard Schema, or {@link nothing}. A code has 1 to 64
   * characters: capital letters, digits and `_`, a letter first. Defaults to none.
   */
  readonly errors?: E | undefined;
  /**
   * Whether a call may run again, on another server, after the server that ran it died. Only for methods whose effect is the same
   * when they run twice; not for those that stream or are one way. Defaults to false.
   */
  readonly idempotent?: boolean | undefined;
}

/** A method of a service, as {@link method} makes it. */
export interface Method<
  I extends InputSchema | undefined = InputSchema | undefined,
  O extends OutputSchema | undefined = OutputSchema | undefined,
  E extends ErrorSchemas = ErrorSchemas,
> {
  /** What a call brings; undefined for nothing. */
  readonly input: I;
  /** What the handler gives; undefined where it is not waited for. */
  readonly output: O;
  /** The data of its errors by their codes. */
  readonly errors: E;
  /** Whether a call may run again after a death. */
  readonly idempotent: boolean;
  /** Tells it from other objects. */
  readonly [brand]: unknown;
}

/**
 * T, without being a place to infer it from: what `defineService` allows would be taken for what a method has. `NoInfer` does the same, and
 * stands in every type that a user sees.
 */
type Itself<T, C = unknown> = T extends infer U extends C ? U : never;

/**
 * A method for {@link defineService}, which checks it. The types of handlers and clients follow from it.
 *
 * @example
 * ```ts
 * method({ input: struct({ a: f64(), b: f64() }), output: f64(), errors: { OVERFLOW: struct({ limit: f64() }) } });
 * method({ input: struct({ symbol: string() }), output: stream(struct({ price: f64() })) });
 * method({ output: nothing() }); // waited for
 * method({ input: string() }); // one way
 * method(); // one way, without a value
 * ```
 */
export function method<
  I extends InputSchema | undefined = undefined,
  O extends OutputSchema | undefined = undefined,
  // biome-ignore lint/complexity/noBannedTypes: no codes at all; Record<string, never> would have all.
  E extends ErrorSchemas = {},
>(options: MethodOptions<I, O, E> = {}): Method<Itself<I>, Itself<O>, Itself<E, ErrorSchemas>> {
  const { input, output, errors, idempotent = false } = Object(options) as typeof options;
  return Object.freeze({
    input: input as Itself<I>,
    output: output as Itself<O>,
    errors: (errors ?? {}) as Itself<E, ErrorSchemas>,
    idempotent,
    // Kept as it was given: what is wrong with it is said where the name of the method is known.
    [brand]: options,
  });
}

/** Whether {@link method} made it, in whichever copy of this package. */
export function isMethod(value: unknown): value is Method {
  return typeof value === 'object' && value !== null && brand in value;
}

/** What a method was made of, unchecked. */
export function optionsOf(made: Method): unknown {
  return made[brand];
}
