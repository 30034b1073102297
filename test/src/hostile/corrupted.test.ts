import type { Subscriber } from '@mmfbus/channel';
import { afterEach, describe, expect, it } from 'vitest';
import { define, publisherOf, subscriberOf } from '../support/channels.js';
import { headerTable } from './format-tables.js';
import { RawChannel } from './raw-channel.js';

let raw: RawChannel | undefined;

function rawOf(name: string): RawChannel {
  raw = new RawChannel(name);
  return raw;
}

afterEach(() => {
  raw?.close();
  raw = undefined;
});

/** What a subscriber tells, in order. */
function record(subscriber: Subscriber<number>): string[] {
  const told: string[] = [];
  subscriber.on('gap', ({ from, to }) => told.push(`gap ${from} ${to}`));
  subscriber.on('error', ({ code }) => told.push(code));
  subscriber.on('close', ({ reason }) => told.push(`close: ${reason}`));
  return told;
}

function setTail(name: string, tail: number): void {
  rawOf(name).view.setBigInt64(headerTable.offsetOf('tail'), BigInt(tail), true);
}

describe('a subscriber whose channel makes no sense any more', () => {
  it('says so before it closes', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const told = record(subscriber);
    setTail(channel.name, 33);
    subscriber.poll(() => {});
    expect(told).toEqual(['CORRUPTED', 'close: corrupted']);
  });

  it('says nothing more when its program closes it because of that', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const told = record(subscriber);
    subscriber.on('error', () => subscriber.close());
    publisher.publish(1);
    const memory = rawOf(channel.name);
    memory.view.setUint8(memory.placeOf(0) + 4, 99);
    subscriber.poll(() => {});
    expect(told).toEqual(['CORRUPTED', 'close: local']);
  });
});
