import type { Bus, PublishOutcome } from '@mmfbus/channel';
import { codecOfText } from '@mmfbus/codec';
import { fromJson } from '../command/pub/from-json.js';
import type { PublishRequest } from './protocol.js';
import { nodeOf } from './schema.js';

/** Milliseconds after which a lock that another process holds counts as held too long. */
const PATIENCE = 2000;

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
  const node = nodeOf(info) ?? (info.codec === 'raw' ? RAW : undefined);
  const typed = node === undefined ? value : fromJson(node, value);
  const publisher = await bus
    .define({ name: channel, codec })
    .publisher({ open: 'open', name: 'mmfbus ui', timeout: PATIENCE });
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

/** What a codec without a schema carries that takes bytes alone. */
const RAW = { kind: 'bytes', maxLength: undefined, copy: true } as const;
