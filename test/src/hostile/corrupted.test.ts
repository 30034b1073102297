import type { Subscriber } from '@mmfbus/channel';
import { afterEach, describe, expect, it } from 'vitest';
import { define, publisherOf, subscriberOf } from '../support/channels.js';
import { headerTable, slotTable } from './format-tables.js';
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
    publisher.tryPublish(1);
    const memory = rawOf(channel.name);
    memory.view.setUint8(memory.placeOf(0) + 4, 99);
    subscriber.poll(() => {});
    expect(told).toEqual(['CORRUPTED', 'close: local']);
  });
});

describe('a participant whose slot was taken from it', () => {
  function free(channel: string, slot: number): void {
    const memory = rawOf(channel);
    memory.view.setBigInt64(memory.slotOffset(slot) + slotTable.offsetOf('nonce'), 0n, true);
  }

  it('says so as a subscriber, and leaves the slot to its new owner', async () => {
    const channel = define();
    const publisher = await publisherOf(channel);
    const subscriber = await subscriberOf(channel);
    const told = record(subscriber);
    free(channel.name, 1);
    const heir = await subscriberOf(channel);
    subscriber.poll(() => {});
    expect(told).toEqual(['CORRUPTED', 'close: corrupted']);
    const values: number[] = [];
    publisher.tryPublish(1);
    heir.poll(({ value }) => values.push(value));
    expect(values).toEqual([1]);
  });

  it('says so as a publisher, and ends nothing for its new owner', async () => {
    const channel = define();
    const subscriber = await subscriberOf(channel);
    const publisher = await publisherOf(channel);
    const told: string[] = [];
    subscriber.on('publishersGone', ({ reason }) => told.push(reason));
    free(channel.name, 1);
    const heir = await publisherOf(channel);
    expect(() => publisher.tryPublish(1)).toThrow("the slot of this publisher, 1, is another participant's");
    await publisher.close();
    expect(heir.tryPublish(2)).toBe('published');
    const values: number[] = [];
    subscriber.poll(({ value }) => values.push(value));
    expect(values).toEqual([2]);
    // Once, when it seemed to be dead, and not again when it left.
    expect(told).toEqual(['died']);
  });
});
