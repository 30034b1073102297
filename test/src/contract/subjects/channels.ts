import type { Channel, Publisher, Subscriber } from '@mmfbus/channel';
import { type Codec, json } from '@mmfbus/codec';
import type { Kit } from '../kit.js';
import type { PeerChannel } from '../peer-orders.js';
import type { PeerProcess } from '../peer-process.js';

/** A channel with one publisher and one reliable subscriber, both in this process. */
export interface Pair {
  readonly channel: Channel<unknown>;
  readonly publisher: Publisher<unknown>;
  readonly subscriber: Subscriber<unknown>;
}

export async function pair(kit: Kit, codec?: Codec<unknown>): Promise<Pair> {
  const channel = kit.define<unknown>({ codec });
  const subscriber = await kit.subscriber(channel, { pollWindow: 0 });
  const publisher = await kit.publisher(channel);
  return { channel, publisher, subscriber };
}

/** Such a pair, where the subscriber takes nothing and the ring is full. */
export async function fullPair(kit: Kit): Promise<Pair> {
  const made = await pair(kit);
  fill(made.publisher);
  return made;
}

export function fill(publisher: Publisher<unknown>): void {
  while (publisher.tryPublish('filling') === 'published');
}

/** Publishes the numbers from `first` to `last`. */
export function publishNumbers(publisher: Publisher<unknown>, first: number, last: number): void {
  for (let value = first; value <= last; value++) publisher.tryPublish(value);
}

/** Runs the action in the first `message` event of the subscriber, and has it take everything. */
export function insideMessage(subscriber: Subscriber<unknown>, action: () => unknown): Promise<void> {
  return new Promise((resolve) => {
    let isFirst = true;
    subscriber.on('message', () => {
      if (!isFirst) return;
      isFirst = false;
      void action();
      resolve();
    });
  });
}

/** What a peer needs to know of a channel. */
export function peerChannel({ name }: Channel<unknown>): PeerChannel {
  return { name, capacity: 4096, discoverable: false };
}

/** A peer that has stopped, or has died, with the lock of the channel's publishers. */
export async function lockHolder(
  kit: Kit,
  channel: Channel<unknown>,
  halt: 'stop' | 'kill',
): Promise<PeerProcess> {
  const peer = await kit.peer();
  await kit.until('the peer to join', peer.ask('publisher', peerChannel(channel)));
  await kit.until(`the peer to ${halt} with the lock`, peer.halt(halt, 'publish', 'from the peer'));
  return peer;
}

/** A codec that tells of each value that it encodes, and may throw or call back there. */
export function hookedCodec(onEncode: (value: unknown) => void): Codec<unknown> {
  const codec = json();
  return {
    id: 'contract',
    encode(value, target, offset) {
      onEncode(value);
      return codec.encode(value, target, offset);
    },
    decode: (source, start, end) => codec.decode(source, start, end),
  };
}
