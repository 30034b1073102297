import { type Check, wholeNumber } from '../foundation/options.js';

/**
 * A place among the messages of a channel. It may be kept as JSON: it never means another message, not even when the channel
 * has ended meanwhile and another one has its name.
 */
export interface Position {
  /** Of this life of the channel: 16 hexadecimal digits, which no other one has. */
  readonly incarnation: string;
  /** Number of a message; 0 before the first. */
  readonly sequence: number;
}

const anySequence = wholeNumber(0, Number.MAX_SAFE_INTEGER);

/** A position, and nothing beside it. */
export const anyPosition: Check = (value) => {
  const { incarnation, sequence, ...rest } = (value ?? {}) as Partial<Position>;
  const isRight =
    typeof incarnation === 'string' &&
    /^[0-9a-f]{16}$/.test(incarnation) &&
    anySequence(sequence) === undefined &&
    Object.keys(rest).length === 0;
  return isRight ? undefined : "a position, such as { incarnation: '00f1d0c2a8b94e57', sequence: 42 }";
};
