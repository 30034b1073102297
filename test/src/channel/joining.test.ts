import { defineChannel } from '@mmfbus/channel';
import { codecOf, f64, json, msgpack, raw, struct } from '@mmfbus/codec';
import { MemoryMappedFile } from '@mmfbus/core';
import { openSegment } from '@mmfbus/core/internal';
import { describe, expect, it } from 'vitest';
import { codeOf, define, publisherOf, subscriberOf } from '../support/channels.js';
import { rawMemory } from '../support/raw-memory.js';
import { uniqueName } from '../support/unique-name.js';

// Offsets as FORMAT.md has them.
const FORMAT_VERSION_OFFSET = 8;
const PATTERN_OFFSET = 152;
const REQUIRED_FEATURES_OFFSET = 156;
const OPTIONAL_FEATURES_OFFSET = 160;
const RING_CAPACITY_OFFSET = 32;
const HEADER_LENGTH = 512;
const PARTICIPANT_LENGTH = 256;
const NONCE_OFFSET = 0;

describe('joining', () => {
  it.each(['', 'a/b', 'a\\b', 'a~b', 'a b', 'ä', 'n'.repeat(129), 7 as never])(
    'refuses the name %j',
    async (name) => {
      expect(await codeOf(() => defineChannel({ name }))).toBe('INVALID_NAME');
    },
  );

  it.each([
    { capacity: 5000 },
    { capacity: 2048 },
    { capacity: 2 ** 31 },
    { maxMessage: 0 },
    { maxMessage: 2 ** 30 + 1 },
    { history: -1 },
    { maxParticipants: 1 },
    { maxParticipants: 1025 },
    { codec: { ...raw(), id: 'x'.repeat(32) } as never },
  ])('refuses %j', async (options) => {
    expect(await codeOf(() => define(options))).toBe('INVALID_ARGUMENT');
  });

  it('creates the channel unless told not to', async () => {
    const channel = define();
    expect(await codeOf(() => channel.publisher({ open: 'open' }))).toBe('NOT_FOUND');
    expect(await codeOf(() => channel.subscriber({ open: 'open' }))).toBe('NOT_FOUND');
    await subscriberOf(channel);
    await (await channel.publisher({ open: 'open' })).close();
  });

  it('refuses another codec or capacity, with both', async () => {
    const channel = define();
    const { name } = channel;
    await subscriberOf(channel);
    await expect(define({ name, codec: json() }).publisher()).rejects.toThrow(
      /its codec is "msgpack", this program's "json"/,
    );
    expect(await codeOf(() => define({ name, codec: json() }).publisher())).toBe('CODEC_MISMATCH');
    expect(await codeOf(() => define({ name, capacity: 8192 }).publisher())).toBe('CAPACITY_MISMATCH');
    await (await define({ name, capacity: undefined }).publisher()).close();
  });

  it('refuses another history or limit of messages, with both', async () => {
    const channel = define({ history: 5, maxMessage: 100 });
    const { name } = channel;
    await subscriberOf(channel);
    await expect(define({ name, history: 6 }).publisher()).rejects.toThrow(
      /its history is 5, this program's 6/,
    );
    expect(await codeOf(() => define({ name, history: 6 }).publisher())).toBe('HISTORY_MISMATCH');
    expect(await codeOf(() => define({ name, maxMessage: 6 }).publisher())).toBe('MAX_MESSAGE_MISMATCH');
    await publisherOf(define({ name }));
  });

  it('refuses another schema with the difference, unless both understand each other', async () => {
    const withSchema = (text: string, difference: (there: string) => string | undefined) => ({
      codec: { ...json<number>(), schema: { text, difference } },
    });
    const never = () => expect.fail('asked for the difference of what is the same');
    const channel = define(withSchema('price: f64', never));
    const { name } = channel;
    await subscriberOf(channel);
    await publisherOf(define({ name, ...withSchema('price: f64', never) }));
    await publisherOf(define({ name, ...withSchema('price: f64, note?: string', () => undefined) }));
    const other = define({ name, ...withSchema('price: u32', (there) => `${there} there, u32 here`) });
    await expect(other.publisher()).rejects.toThrow(/its schema is another one: price: f64 there, u32 here/);
    expect(await codeOf(() => other.publisher())).toBe('SCHEMA_MISMATCH');
  });

  it('refuses who has a schema where the channel has none, and the reverse', async () => {
    const schema = { text: 'u8', difference: () => expect.fail('there is nothing to compare') };
    const without = define({ codec: json<number>() });
    const { name } = define({ codec: { ...json<number>(), schema } });
    await subscriberOf(without);
    const other = define({ name: without.name, codec: { ...json<number>(), schema } });
    expect(await codeOf(() => other.publisher())).toBe('SCHEMA_MISMATCH');
    expect(await codeOf(() => other.subscriber())).toBe('SCHEMA_MISMATCH');
    await subscriberOf(define({ name, codec: { ...json<number>(), schema } }));
    await expect(define({ name, codec: json() }).publisher()).rejects.toThrow(
      /it has a schema, and this program none to compare with it; subscribers may say schema: 'any'/,
    );
  });

  describe('with any schema', () => {
    it('decodes by that of the channel, whichever it has', async () => {
      const codecs = [
        { schema: struct({ price: f64() }) },
        { codec: codecOf(struct({ price: f64() }), { layout: 'array' }) },
        { codec: json() },
        {},
      ];
      for (const codec of codecs) {
        const name = uniqueName('any');
        const publisher = await publisherOf(defineChannel<unknown>({ name, ...codec } as never));
        const subscriber = await subscriberOf(defineChannel({ name, schema: 'any' }));
        await publisher.publish({ price: 1.5 });
        expect(subscriber.poll(({ value }) => expect(value).toEqual({ price: 1.5 }))).toBe(1);
      }
    });

    it('creates nothing, publishes nothing, and refuses what it cannot decode', async () => {
      const channel = defineChannel({ name: uniqueName('any'), schema: 'any' });
      expect(await codeOf(() => channel.subscriber())).toBe('NOT_FOUND');
      expect(await codeOf(() => channel.subscriber({ open: 'create' }))).toBe('INVALID_ARGUMENT');
      expect(await codeOf(() => channel.publisher())).toBe('INVALID_ARGUMENT');
      await publisherOf(define({ name: channel.name, codec: { ...json<number>(), id: 'mine' } }));
      expect(await codeOf(() => channel.subscriber())).toBe('CODEC_MISMATCH');
      const schema = { text: 'no shape', difference: () => undefined };
      const { name } = define({});
      await publisherOf(define({ name, codec: { ...msgpack<number>(), schema } }));
      expect(await codeOf(() => defineChannel({ name, schema: 'any' }).subscriber())).toBe('SCHEMA_MISMATCH');
    });
  });

  it('refuses another version of the format, and what is no channel, and writes nothing to it', async () => {
    const channel = define();
    await subscriberOf(channel);
    const segment = openSegment({ name: channel.name, disposition: 'open', size: 0 });
    new DataView(rawMemory(segment.memory)).setUint32(FORMAT_VERSION_OFFSET, 1, true);
    await expect(channel.publisher()).rejects.toThrow(/its format version is 1, this program's 2/);
    expect(await codeOf(() => channel.publisher())).toBe('VERSION_MISMATCH');
    new DataView(rawMemory(segment.memory)).setUint32(FORMAT_VERSION_OFFSET, 2, true);
    new DataView(rawMemory(segment.memory)).setUint32(PATTERN_OFFSET, 5, true);
    await expect(channel.publisher()).rejects.toThrow(/its pattern is "state", this program's "channel"/);
    expect(await codeOf(() => channel.subscriber())).toBe('PATTERN_MISMATCH');
    new DataView(rawMemory(segment.memory)).setUint32(PATTERN_OFFSET, 1, true);
    // What may be left out passes.
    new DataView(rawMemory(segment.memory)).setUint32(OPTIONAL_FEATURES_OFFSET, 0x8000_0001, true);
    await (await channel.publisher()).close();
    new DataView(rawMemory(segment.memory)).setUint32(REQUIRED_FEATURES_OFFSET, 0x8000_0001, true);
    await expect(channel.publisher()).rejects.toThrow(/requires features .*: bits 0x80000001/);
    expect(await codeOf(() => channel.publisher())).toBe('VERSION_MISMATCH');
    new DataView(rawMemory(segment.memory)).setUint32(REQUIRED_FEATURES_OFFSET, 0, true);
    new DataView(rawMemory(segment.memory)).setBigUint64(RING_CAPACITY_OFFSET, 2n ** 40n, true);
    expect(await codeOf(() => channel.publisher())).toBe('CORRUPTED');
    segment.close();

    const name = uniqueName();
    for (const size of [1, 100_000]) {
      using mapping = MemoryMappedFile.create(name, size);
      mapping.write(new Uint8Array(size).fill(5));
      expect(await codeOf(() => define({ name }).publisher())).toBe('NOT_A_CHANNEL');
      expect(mapping.read()).toEqual(new Uint8Array(size).fill(5));
    }
  });

  it('refuses one more than there are slots for', async () => {
    const channel = define({ maxParticipants: 2 });
    await subscriberOf(channel);
    const second = await subscriberOf(channel);
    expect(await codeOf(() => channel.publisher())).toBe('TOO_MANY_PARTICIPANTS');
    await second.close();
    await publisherOf(channel);
  });

  it('gives out up to 1024 slots, of which the last one is as good as the first', async () => {
    const channel = define({ maxParticipants: 1024 });
    const subscriber = await subscriberOf(channel);
    const segment = openSegment({ name: channel.name, disposition: 'open', size: 0 });
    const nonces = Array.from({ length: 1023 }, (_, slot) => {
      const offset = HEADER_LENGTH + slot * PARTICIPANT_LENGTH + NONCE_OFFSET;
      return new BigInt64Array(rawMemory(segment.memory), offset, 1);
    });
    // Ports of which nothing is to be found, and no process id.
    for (const nonce of nonces.slice(1)) nonce[0] = 77n;
    const publisher = await publisherOf(channel);
    expect(publisher.tryPublish(5)).toBe('published');
    expect(subscriber.poll(({ value, ...meta }) => expect([value, meta.publisher]).toEqual([5, 1023]))).toBe(
      1,
    );
    for (const nonce of nonces.slice(1)) nonce[0] = 0n;
    segment.close();
  });

  it('keeps the slot of one that is not proved dead, for what it cannot know', async () => {
    const channel = define({ maxParticipants: 2 });
    await subscriberOf(channel);
    const segment = openSegment({ name: channel.name, disposition: 'open', size: 0 });
    // A port of which nothing is to be found, of a process in a PID namespace that is not ours: nonce, identityNonce,
    // startTime, pidNamespace, pid.
    new BigInt64Array(rawMemory(segment.memory), HEADER_LENGTH + PARTICIPANT_LENGTH + NONCE_OFFSET, 5).set([
      77n,
      77n,
      1n,
      2n,
      42n,
    ]);
    segment.close();
    expect(await codeOf(() => channel.publisher())).toBe('TOO_MANY_PARTICIPANTS');
  });

  it.each([
    { delivery: 'best' as never },
    { pollWindow: -1 },
    { pollWindow: 1001 },
    { start: 'first' as never },
    { start: { after: 5 as never } },
    { start: { after: { incarnation: '5', sequence: 5 } } },
    { start: { after: { incarnation: '00f1d0c2a8b94e57', sequence: -1 } } },
    { start: { after: { incarnation: '00f1d0c2a8b94e57', sequence: 5 }, otherwise: 'history' as never } },
    { slowThreshold: 0 },
    { slowThreshold: 1.1 },
  ])('refuses %j', async (options) => {
    expect(await codeOf(() => define().subscriber(options))).toBe('INVALID_ARGUMENT');
  });

  it.each([
    { pollWindow: -1 },
    { pollWindow: 1001 },
    { pollWindow: '1' as never },
    { slowSubscribers: 'drop' as never },
  ])('refuses %j of a publisher', async (options) => {
    expect(await codeOf(() => define().publisher(options))).toBe('INVALID_ARGUMENT');
  });
});
