import { raw } from '@mmfbus/codec';
import { allocateWordBytes } from '@mmfbus/codec/internal';
import { describe, expect, it, onTestFinished } from 'vitest';
import { checkDefinition } from '../format/definition.js';
import { incarnationWords, type Origin } from '../format/origin.js';
import { openChannelMemory } from '../membership/channel-memory.js';
import { ParticipantTable } from '../membership/participant-table.js';
import { ReliableCursors } from '../membership/reliable-cursors.js';
import { RingReader } from '../ring/ring-reader.js';
import { RingWriter } from '../ring/ring-writer.js';
import { type Append, MessageAppend, OriginAppend, OriginBatch, SplitAppend } from './append.js';

const CAPACITY = 4096;
/** Every byte of each number is another one, the highest bit of each word set. */
const ORIGIN: Origin = {
  incarnation: 'f1e2d3c4b5a69788',
  sequence: 0x1a_8b9c_adbe,
  time: 0x97a8b9ca_dbecfd0en,
};

async function openRing() {
  const name = `mmfbus-test-${process.pid}-append`;
  const memory = await openChannelMemory(
    checkDefinition({ name, capacity: CAPACITY, codec: raw() }),
    'create',
  );
  onTestFinished(() => memory.close());
  const table = new ParticipantTable(memory);
  table.tryClaim(0, 0n, {
    nonce: 5n,
    pid: process.pid,
    startTime: 1n,
    pidNamespace: 1n,
    threadId: 0,
    threadStartTime: 0n,
  });
  const writer = new RingWriter(memory, 0, new ReliableCursors(table));
  const reader = new RingReader(memory);
  reader.seekTail();
  const append = (one: Append) => {
    do {
      writer.begin();
      expect(writer.reserve(one.sizeIn(writer))).toBe(true);
      one.write(writer, 7);
      writer.commit();
    } while (one.advance());
  };
  const read = () => {
    let outcome = reader.read();
    while (outcome === 'part') outcome = reader.read();
    const { payload, start, end, origin, problem } = reader;
    return { outcome, bytes: payload.slice(start, end), origin, problem };
  };
  return { memory, append, read };
}

const bytesOf = (length: number) => Uint8Array.from({ length }, (_, index) => index * 7);

describe('a message that another channel carried before', () => {
  it('says where it comes from, whatever its length; those around it do not', async () => {
    const { memory, append, read } = await openRing();
    const { maxPayload } = memory.geometry;
    // Beyond the last one, it has to be split.
    for (const length of [0, 1, 5, 300, maxPayload - 32]) {
      append(new OriginAppend(ORIGIN, bytesOf(length)));
      expect(read()).toMatchObject({ outcome: 'message', bytes: bytesOf(length), origin: ORIGIN });
      append(new MessageAppend(allocateWordBytes(4), 4));
      expect(read()).toMatchObject({ outcome: 'message', origin: undefined });
    }
  });

  it('says so in a batch, which is filled again', async () => {
    const { append, read } = await openRing();
    const batch = new OriginBatch(CAPACITY / 4);
    const incarnation = incarnationWords(ORIGIN.incarnation);
    const words = { incarnation, sequence: 0, timeLow: 0xdbecfd0e | 0, timeHigh: 0x97a8b9ca | 0 };
    const source = bytesOf(500);
    // More than the ring has: some of the batches go on at its beginning.
    for (let round = 0; round < 20; round++) {
      const lengths: number[] = [];
      for (let length = round; batch.add({ ...words, sequence: length }, source, 3, 3 + length); length += 37)
        lengths.push(length);
      expect([batch.messages, batch.bytes]).toEqual([lengths.length, lengths.reduce((a, b) => a + b)]);
      append(batch);
      batch.clear();
      for (const length of lengths) {
        const origin = { ...ORIGIN, sequence: length };
        expect(read()).toMatchObject({ outcome: 'message', bytes: source.slice(3, 3 + length), origin });
      }
    }
    expect(batch.add(words, source, 0, 480)).toBe(true);
    expect(new OriginBatch(CAPACITY / 8).add(words, source, 0, 500)).toBe(false);
  });

  it('says so in its first fragment, where it is split', async () => {
    const { memory, append, read } = await openRing();
    const { maxPayload } = memory.geometry;
    for (const length of [maxPayload - 31, maxPayload, 2000]) {
      const payload = allocateWordBytes(length);
      payload.set(bytesOf(length));
      append(new SplitAppend(payload, length, 0, maxPayload, ORIGIN));
      expect(read()).toMatchObject({ outcome: 'message', bytes: bytesOf(length), origin: ORIGIN });
      append(new SplitAppend(payload, length, 0, maxPayload));
      expect(read()).toMatchObject({ outcome: 'message', bytes: bytesOf(length), origin: undefined });
    }
  });
});
