import type { Codec } from './codec.js';
import { CodecError } from './errors.js';
import { json } from './json.js';
import { msgpack } from './msgpack.js';
import { raw } from './raw.js';
import { codecOf } from './shape/codec-of.js';
import { shapeFromText } from './shape/from-text.js';
import { shownText } from './shape/mismatch.js';

/**
 * The codec of values that another program has described: by the id of its codec, and the canonical text of its schema, if
 * it has one. For programs that look at channels they were not written for. With a text, the values are those of
 * {@link shapeFromText}.
 *
 * @throws {@link CodecError} `INVALID_SHAPE` for an id that no codec of this package has, or a text that describes no shape.
 */
export function codecOfText(id: string, text: string | undefined): Codec<unknown> {
  if (text !== undefined && (id === 'msgpack' || id === 'msgpack-array')) {
    return codecOf(shapeFromText(text), { layout: id === 'msgpack' ? 'map' : 'array' });
  }
  if (id === 'msgpack') return msgpack();
  if (id === 'json') return json();
  if (id === 'raw') return raw() as Codec<unknown>;
  throw new CodecError('INVALID_SHAPE', `what the codec ${shownText(id)} writes cannot be read without it`);
}
