import type { ChannelInfo } from '@mmfbus/channel';
import { visible } from './text.js';

/** What flows in a channel, in a few characters. */
export function schemaInShort({ codec, schema }: Pick<ChannelInfo, 'codec' | 'schema'>): string {
  return schema === undefined ? codec : visible(schema);
}
