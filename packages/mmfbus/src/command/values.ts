import type { ChannelInfo } from '@mmfbus/channel';
import { type ShapeNode, shapeFromText } from '@mmfbus/codec';
import type { MethodContract } from '@mmfbus/service';
import { printable } from '@mmfbus/terminal';

/** What flows in a channel, in a few words: `{symbol, px}`, or the codec where there is no schema. */
export function schemaInShort({ codec, schema }: Pick<ChannelInfo, 'codec' | 'schema'>): string {
  const shape = schema === undefined ? undefined : shapeIn(schema);
  return shape === undefined ? printable(codec) : inShort(shape);
}

/** The shape that a schema describes; undefined where the text is not one of ours, as that of another codec. */
export function shapeIn(schema: string): ShapeNode | undefined {
  try {
    return shapeFromText(schema).node;
  } catch {
    return undefined;
  }
}

/** What a method takes and gives, in a few words: `({a, b}) → f64`. */
export function signatureOf({ input, output, isOneWay }: MethodContract): string {
  return `(${partInShort(input)})${isOneWay ? ', one way' : ` → ${partInShort(output) || 'nothing'}`}`;
}

function partInShort({ kind, shape, isValidated }: MethodContract['input']): string {
  if (kind === 'none' || shape === undefined) return '';
  const value = isValidated ? 'value' : inShort(shape.node);
  return kind === 'stream' ? `stream of ${value}` : value;
}

function inShort(node: ShapeNode): string {
  switch (node.kind) {
    case 'struct':
      return `{${node.fields.map(({ name, optional }) => printable(name) + (optional ? '?' : '')).join(', ')}}`;
    case 'union':
      return node.variants.map(({ name }) => printable(name)).join(' | ');
    case 'array':
      return `${inShort(node.item)}[]`;
    case 'nullable':
      return `${inShort(node.of)} | null`;
    case 'map':
      return `map of ${inShort(node.value)}`;
    case 'integer':
    case 'bigint':
    case 'float':
      return node.type;
    case 'oneOf':
      return node.values.map((value) => printable(value)).join(' | ');
    default:
      return node.kind;
  }
}
