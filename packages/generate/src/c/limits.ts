import type { BigintNode, IntegerNode } from '@mmfbus/codec';
import { integerLiteral } from './words.js';

/** The least and the greatest value of an integer, as two arguments. */
export function boundsOf(node: IntegerNode | BigintNode): string {
  if (node.kind === 'integer') return `${integerLiteral(node.min)}, ${integerLiteral(node.max)}`;
  return node.type === 'u64' ? '0, UINT64_MAX' : 'INT64_MIN, INT64_MAX';
}

/** A limit of the shape, where it is below that of the codec. */
export function limit(own: number | undefined, ofCodec: string): string {
  const most: Readonly<Record<string, number>> = {
    MMFBUS_SHAPE__MOST_BYTES: 2 ** 26,
    MMFBUS_SHAPE__MOST_ITEMS: 2 ** 20,
  };
  return own === undefined || own >= (most[ofCodec] ?? Infinity) ? ofCodec : String(own);
}
