import type { StandardSchema } from '@mmfbus/codec';

const kind: unique symbol = Symbol.for('mmfbus.service.kind') as never;

/** Any number of values, one after the other: made by {@link stream}. */
export interface StreamOf<S extends StandardSchema = StandardSchema> {
  /** What each value looks like. */
  readonly item: S;
  /** Tells it from a schema. */
  readonly [kind]: 'stream';
}

/** No value: what {@link nothing} makes. */
export interface Nothing {
  /** Tells it from a schema. */
  readonly [kind]: 'nothing';
}

/** What a method takes: one value, or a stream of them. */
export type InputSchema = StandardSchema | StreamOf;

/** What a method gives: one value, a stream of them, or no value. */
export type OutputSchema = StandardSchema | StreamOf | Nothing;

/** The data of an error: a value, or none. */
export type ErrorSchema = StandardSchema | Nothing;

/**
 * A stream of values, as the input or the output of a method.
 *
 * @param item what each value looks like: a shape, or another Standard Schema.
 */
export function stream<S extends StandardSchema>(item: S): StreamOf<S> {
  return Object.freeze({ item, [kind]: 'stream' as const });
}

const NOTHING: Nothing = Object.freeze({ [kind]: 'nothing' as const });

/**
 * No value: the output of a method that gives none and still is waited for, or the data of an error that has none.
 *
 * A method without `output` is one way instead: a call settles when it is sent, and never hears whether it ran.
 */
export function nothing(): Nothing {
  return NOTHING;
}

/** Which of the two it is; undefined for everything else. */
export function kindOf(value: unknown): 'stream' | 'nothing' | undefined {
  if (typeof value !== 'object' || value === null || !(kind in value)) return undefined;
  return value[kind] === 'stream' || value[kind] === 'nothing' ? value[kind] : undefined;
}
