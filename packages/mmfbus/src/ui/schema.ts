import type { ChannelInfo } from '@mmfbus/channel';
import { type ShapeNode, shapeFromText } from '@mmfbus/codec';
import { codeOf } from '../command/code.js';
import type { SchemaEvent } from './protocol.js';

/** Characters of code that a page gets. */
const MOST_CODE = 20_000;

/** The schema of a channel as a page shows it. */
export function schemaOf(info: ChannelInfo): SchemaEvent {
  let code: string;
  try {
    // Without what it imports.
    code = codeOf(info, 'typescript').replace(/^[\s\S]*?(?=^export const )/m, '');
  } catch (error) {
    code = error instanceof Error ? error.message : String(error);
  }
  return { code: code.slice(0, MOST_CODE), node: nodeOf(info) };
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
