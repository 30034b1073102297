import type { ChannelInfo } from '@mmfbus/channel';
import { type ShapeNode, shapeFromText } from '@mmfbus/codec';
import type { SchemaEvent } from './protocol.js';
import { typeScriptOf } from './type-script.js';

/** Characters of code that a page gets. */
const MOST_CODE = 20_000;

/** The schema of a channel as a page shows it. */
export function schemaOf(info: ChannelInfo): SchemaEvent {
  const node = nodeOf(info);
  if (node === undefined) {
    const code = info.schema ?? `The channel has no schema: its codec is ${info.codec}.`;
    return { code: code.slice(0, MOST_CODE), node };
  }
  return { code: typeScriptOf(node).slice(0, MOST_CODE), node };
}

/** The shape of a channel's values; undefined where it has none, or one that makes no sense. */
export function nodeOf({ codec, schema }: ChannelInfo): ShapeNode | undefined {
  if (schema === undefined || !codec.startsWith('msgpack')) return undefined;
  try {
    return shapeFromText(schema).node;
  } catch {
    return undefined;
  }
}
