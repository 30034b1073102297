import type { Bus, PublishOutcome } from '@mmfbus/channel';
import { codecOfText, type ShapeNode } from '@mmfbus/codec';
import type { PublishRequest } from './protocol.js';
import { nodeOf } from './schema.js';

/**
 * Publishes one message, checked against what the channel says of its values. Joins for that moment only.
 *
 * @returns a sentence that says what became of it.
 * @throws where the channel does not exist, or the value does not fit.
 */
export async function publishOne(bus: Bus, { channel, value }: PublishRequest): Promise<string> {
  const info = await bus.inspect(channel);
  if (info === undefined) throw new Error(`there is no channel ${channel}`);
  const codec = codecOfText(info.codec, info.schema);
  const node = nodeOf(info);
  const typed = node === undefined ? untyped(info.codec, value) : typedBy(node, value);
  const publisher = await bus
    .define({ name: channel, codec })
    .publisher({ open: 'open', name: 'mmfbus ui', timeout: 2000 });
  let outcome: PublishOutcome;
  try {
    outcome = publisher.tryPublish(typed);
  } finally {
    await publisher.close();
  }
  if (outcome === 'published') return 'Published.';
  if (outcome === 'full') throw new Error('the ring is full: a reliable subscriber holds publishers back');
  throw new Error(`it was not published: ${outcome}`);
}

/** What a value of JSON stands for where there is no schema. */
function untyped(codec: string, value: unknown): unknown {
  if (codec !== 'raw') return value;
  if (typeof value !== 'string') throw new Error('bytes are given as text in hexadecimal');
  return bytesOf(value);
}

/** The value that a form has made, with the types that JSON has not. What does not fit is left to the codec to refuse. */
function typedBy(node: ShapeNode, value: unknown): unknown {
  switch (node.kind) {
    case 'bigint':
      return typeof value === 'string' && /^-?\d{1,20}$/.test(value) ? BigInt(value) : value;
    case 'bytes':
      return typeof value === 'string' ? bytesOf(value) : value;
    case 'timestamp':
      return typeof value === 'string' ? new Date(value) : value;
    case 'nullable':
      return value === null ? null : typedBy(node.of, value);
    case 'array':
      return Array.isArray(value) ? value.map((item) => typedBy(node.item, item)) : value;
    case 'map':
      return isObject(value)
        ? new Map(
            Object.entries(value).map(([key, item]) => [keyOf(node.key, key), typedBy(node.value, item)]),
          )
        : value;
    case 'struct':
      return isObject(value) ? structOf(node, value) : value;
    case 'union': {
      if (!isObject(value)) return value;
      const variant = node.variants.find(({ name }) => name === value[node.tag]);
      return variant === undefined ? value : structOf(variant.struct, value);
    }
    default:
      return value;
  }
}

function structOf(
  { fields }: ShapeNode & { readonly kind: 'struct' },
  value: Readonly<Record<string, unknown>>,
): unknown {
  const nodes = new Map(fields.map(({ name, node }) => [name, node]));
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => {
      const node = nodes.get(name);
      return [name, node === undefined ? item : typedBy(node, item)];
    }),
  );
}

function keyOf(node: ShapeNode, key: string): unknown {
  if (node.kind === 'integer') return Number(key);
  return typedBy(node, key);
}

function bytesOf(text: string): Uint8Array {
  const digits = text.replaceAll(/\s/g, '');
  if (!/^(?:[\da-f]{2})*$/i.test(digits)) throw new Error('bytes are given as pairs of hexadecimal digits');
  return new Uint8Array(Buffer.from(digits, 'hex'));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
