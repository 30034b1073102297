import { type Codec, codecOfText } from '@mmfbus/codec';
import { ChannelError } from '../foundation/errors.js';
import { type ChannelMemory, readEncoding } from '../membership/channel-memory.js';

/**
 * The codec that a channel has, by what its memory says.
 *
 * @throws {@link ChannelError} `CODEC_MISMATCH` or `SCHEMA_MISMATCH` where no codec of ours reads its values.
 */
export function codecOfMemory(memory: ChannelMemory): Codec<unknown> {
  const { codec, schema } = readEncoding(memory);
  try {
    return codecOfText(codec, schema);
  } catch (error) {
    const text = `its values cannot be decoded: ${error instanceof Error ? error.message : String(error)}`;
    throw new ChannelError(schema === undefined ? 'CODEC_MISMATCH' : 'SCHEMA_MISMATCH', memory.name, text, {
      cause: error,
    });
  }
}
