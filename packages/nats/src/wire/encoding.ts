import { createHash } from 'node:crypto';
import { fieldOf } from './header.js';

/** Hexadecimal digits of a schema's hash that a header has. */
const HASH_DIGITS = 16;

/** How a channel encodes its values. */
export interface Encoding {
  /** Id of the codec. */
  readonly codec: string;
  /** The canonical text of its schema, where it has one. */
  readonly schema: string | undefined;
}

/** What a header says of an encoding: the codec's id, and where there is a schema `:` and the first digits of its SHA-256. */
export function encodingTag({ codec, schema }: Encoding): string {
  const id = fieldOf(codec);
  if (schema === undefined) return id;
  return `${id}:${createHash('sha256').update(schema).digest('hex').slice(0, HASH_DIGITS)}`;
}
