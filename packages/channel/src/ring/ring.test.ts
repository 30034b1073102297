import { raw } from '@mmfbus/codec';
import { allocateWordBytes, type WordBytes } from '@mmfbus/codec/internal';
import type { PortAddress } from '@mmfbus/core/internal';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { checkDefinition } from '../format/definition.js';
import { frameLength } from '../format/frame-layout.js';
import { HEAD_OFFSET, TAIL_OFFSET } from '../format/header-layout.js';
import { STATE_DISCONNECTED, STATE_RELIABLE } from '../format/participant-layout.js';
import { type ChannelMemory, openChannelMemory } from '../membership/channel-memory.js';
import { ParticipantTable } from '../membership/participant-table.js';
import { ReliableCursors } from '../membership/reliable-cursors.js';
import { RingReader } from './ring-reader.js';
import { RingWriter } from './ring-writer.js';

const CAPACITY = 4096;
const owner: PortAddress = {
  nonce: 5n,
  pid: process.pid,
  startTime: 1n,
  pidNamespace: 1n,
  threadId: 0,
  threadStartTime: 0n,
};

let memory: ChannelMemory;
let table: ParticipantTable;
let writer: RingWriter;
let names = 0;

beforeEach(async () => {
  const name = `mmfbus-test-${process.pid}-ring-${++names}`;
  memory = await openChannelMemory(
    checkDefinition({ name, capacity: CAPACITY, codec: raw() }),
    'open-or-create',
  );
  table = new ParticipantTable(memory);
  table.tryClaim(0, 0n, owner);
  writer = new RingWriter(memory, 0, new ReliableCursors(table));
});

afterEach(() => memory.close());

function payload(length: number, seed: number): WordBytes {
  const bytes = allocateWordBytes(length);
  bytes.set(Array.from(bytes, (_, index) => seed * 31 + index * 7));
  return bytes;
}

function write(length: number, seed = 0): boolean {
  const bytes = payload(length, seed);
  writer.begin();
  if (!writer.reserve(writer.sizeOf(length))) return false;
  writer.writeMessage(bytes, length, 123_456_789_012_345);
  writer.commit();
  return true;
}

function writeAll(lengths: readonly number[]): boolean {
  writer.begin();
  if (
    !writer.reserve(
      writer.sizeOfAll(
        lengths,
        lengths.reduce((sum, length) => sum + frameLength(length), 0),
      ),
    )
  )
    return false;
  writer.writeFrames(allocateWordBytes(64 * lengths.length), lengths, 123_456_789_012_345);
  writer.commit();
  return true;
}

function startReader(): RingReader {
  const reader = new RingReader(memory);
  expect(reader.seekTail()).toBe('done');
  return reader;
}

function reliableAt(slot: number, cursor: number): void {
  table.tryClaim(slot, 0n, owner);
  table.storeCursor(slot, cursor);
  table.storeState(slot, STATE_RELIABLE);
}

describe('a header extension', () => {
  const FLAG = 1 << 8;

  /** Writes frames whose payloads begin with an extension of so many units, and calls them extended. */
  function writeExtended(units: number, text: string, kindWord?: number): void {
    const bytes = Buffer.concat([
      Buffer.from([units, 0, 7, 0]),
      Buffer.alloc(Math.max(0, units * 8 - 4)),
      Buffer.from(text),
    ]);
    const word = (writer.tail & (CAPACITY - 1)) >> 2;
    const aligned = payload(bytes.length, 0);
    aligned.set(bytes);
    writer.begin();
    expect(writer.reserve(writer.sizeOf(bytes.length))).toBe(true);
    writer.writeMessage(aligned, bytes.length, 0);
    writer.commit();
    memory.ringWords[word + 1] = kindWord ?? (memory.ringWords[word + 1] as number) | FLAG;
  }

  it('is left out, whatever its type', () => {
    const reader = startReader();
    for (const units of [1, 4, 8]) {
      writeExtended(units, 'hello');
      expect(reader.read()).toBe('message');
      expect(Buffer.from(reader.payload.subarray(reader.start, reader.end)).toString()).toBe('hello');
    }
    writeExtended(1, '');
    expect(reader.read()).toBe('message');
    expect(reader.end).toBe(reader.start);
  });

  it.each([0, 9, 100])('of %d units, or longer than its frame, is corruption', (units) => {
    const reader = startReader();
    writeExtended(units, 'hello');
    expect(reader.read()).toBe('corrupted');
    expect(reader.problem).toMatch(/an extension that a payload of \d+ bytes cannot begin with/);
  });

  it('makes no message larger than the channel carries', async () => {
    memory.close();
    const name = `mmfbus-test-${process.pid}-ring-${++names}`;
    memory = await openChannelMemory(
      checkDefinition({ name, capacity: CAPACITY, maxMessage: 10, codec: raw() }),
      'open-or-create',
    );
    table = new ParticipantTable(memory);
    table.tryClaim(0, 0n, owner);
    writer = new RingWriter(memory, 0, new ReliableCursors(table));
    const reader = startReader();
    expect(memory.geometry.maxPayload).toBe(74);
    writeExtended(8, '0123456789');
    expect(reader.read()).toBe('message');
    write(11);
    expect(reader.read()).toBe('corrupted');
    expect(reader.problem).toBe('a message of 11 bytes; the most is 10');
  });
});

describe('a ring', () => {
  it('gives back what was put in, at every length, many times round', () => {
    const reader = startReader();
    for (let count = 1; count <= 5000; count++) {
      const length = (count * 37) % (memory.geometry.maxPayload + 1);
      expect(write(length, count)).toBe(true);
      expect(reader.read()).toBe('message');
      expect([reader.sequence, reader.timestamp, reader.publisher]).toEqual([count, 123_456_789_012_345, 0]);
      const { payload: batch, start, end } = reader;
      expect(end - start).toBe(length);
      expect(Buffer.compare(batch.subarray(start, end), payload(length, count).subarray(0, length))).toBe(0);
      expect(reader.read()).toBe('empty');
    }
  });

  it('says exactly what a lapped reader lost, and goes on at the oldest frame there is', () => {
    const reader = startReader();
    for (let count = 1; count <= 500; count++) write(count % 100, count);
    expect(reader.read()).toBe('lapped');
    const first = reader.sequence;
    expect(reader.expected).toBe(1);
    expect(first).toBeGreaterThan(400);
    reader.expected = first;
    for (let sequence = first; sequence <= 500; sequence++) {
      expect(reader.read()).toBe('message');
      expect([reader.sequence, reader.end - reader.start]).toEqual([sequence, sequence % 100]);
    }
    expect(reader.read()).toBe('empty');
  });

  /** Has publishers write so many messages whenever the reader has copied something, and not yet looked whether it is intact. */
  function overtaking(messages: number) {
    const add = Atomics.add.bind(Atomics) as typeof Atomics.add;
    let left = Number.POSITIVE_INFINITY;
    const spy = vi.spyOn(Atomics, 'add').mockImplementation(((...args: Parameters<typeof Atomics.add>) => {
      const before = add(...args);
      if (left-- > 0) for (let count = 0; count < messages; count++) write(40);
      return before;
    }) as typeof Atomics.add);
    return { stopAfter: (copies: number) => (left = copies), end: () => spy.mockRestore() };
  }

  it('keeps what is left of a batch whose beginning was overwritten while it was copied', () => {
    const reader = startReader();
    for (let count = 0; count < 60; count++) write(40);
    const publishers = overtaking(20);
    publishers.stopAfter(1);
    expect(reader.read()).toBe('lapped');
    publishers.end();
    expect(reader.sequence).toBeGreaterThan(10);
    expect(reader.sequence).toBeLessThan(30);
    reader.expected = reader.sequence;
    for (let sequence = reader.sequence; sequence <= 80; sequence++) {
      expect(reader.read()).toBe('message');
      expect(reader.sequence).toBe(sequence);
    }
    expect(reader.read()).toBe('empty');
  });

  it('is never corrupt because publishers lap a reader at each try, and tells exactly what was lost', () => {
    const reader = startReader();
    write(40);
    const publishers = overtaking(CAPACITY / 64 + 10);
    // However often it is lapped, each call comes to an end.
    for (let call = 0; call < 20; call++) expect(['lapped', 'empty']).toContain(reader.read());
    // The head can be read again, or only the tail.
    for (const copies of [3, 8, 50]) {
      publishers.stopAfter(copies);
      let outcome = reader.read();
      while (outcome === 'empty') outcome = reader.read();
      expect(outcome).toBe('lapped');
      expect(reader.sequence).toBeGreaterThan(reader.expected);
      reader.expected = reader.sequence;
      write(40);
      expect(reader.read()).toBe('message');
      for (; outcome !== 'empty'; outcome = reader.read());
      publishers.stopAfter(Number.POSITIVE_INFINITY);
      write(40);
    }
    publishers.end();
  });

  it('keeps at least the larger part of itself for late subscribers', () => {
    startReader();
    for (let count = 0; count < 1000; count++) write(8);
    const head = Number(memory.longs[HEAD_OFFSET / 8]);
    expect(writer.tail - head).toBeGreaterThan(CAPACITY * 0.9);
  });

  it('has its head where a frame begins, of any publisher, and gives up little more than it must', () => {
    startReader();
    table.tryClaim(1, 0n, owner);
    const writers = [writer, new RingWriter(memory, 1, new ReliableCursors(table))];
    const begins = new Set([0]);
    for (let count = 0; count < 3000; count++) {
      // Now one of them goes on for more than a lap, now they take turns.
      writer = writers[count % 1000 < 500 ? 0 : count % 2] as RingWriter;
      write((count * 37) % (memory.geometry.maxPayload + 1), count);
      begins.add(writer.tail);
      const head = Number(memory.longs[HEAD_OFFSET / 8]);
      // Behind padding a frame begins as well.
      expect(begins.has(head) || head % CAPACITY === 0, `head ${head} after ${count}`).toBe(true);
      expect(writer.tail - head).toBeLessThanOrEqual(CAPACITY);
      if (count > 100) expect(writer.tail - head).toBeGreaterThan(CAPACITY / 2);
    }
  });

  it('reads on in the batch that it copied, whatever happens to the ring', () => {
    const reader = startReader();
    for (let count = 1; count <= 10; count++) write(16, count);
    expect(reader.read()).toBe('message');
    memory.ringWords.fill(-1);
    for (let count = 2; count <= 10; count++)
      expect([reader.read(), reader.sequence]).toEqual(['message', count]);
  });

  it('is full for a reliable cursor, and has room again when it moves', () => {
    const reader = startReader();
    reliableAt(1, 0);
    let written = 0;
    while (write(40)) written++;
    expect(written).toBe(CAPACITY / 64 - 1);
    expect(write(40)).toBe(false);
    for (let count = 0; count < 4; count++) reader.read();
    table.storeCursor(1, reader.position);
    expect([write(40), write(40), write(40), write(40), write(40)]).toEqual([true, true, true, true, false]);
    for (let count = 4; count < written + 4; count++) expect(reader.read()).toBe('message');
    expect(reader.read()).toBe('empty');
  });

  it('goes on where its tail passes 4 GiB', () => {
    memory.longs[TAIL_OFFSET >> 3] = memory.longs[HEAD_OFFSET >> 3] = BigInt(2 ** 32 - CAPACITY);
    const reader = startReader();
    for (let count = 1; count <= 200; count++) {
      expect(write(40, count)).toBe(true);
      expect([reader.read(), reader.sequence]).toEqual(['message', count]);
    }
    expect(memory.longs[TAIL_OFFSET >> 3]).toBe(BigInt(2 ** 32 - CAPACITY + 200 * 64));
  });

  it.each([
    ['2^31', 2 ** 31],
    ['2^32', 2 ** 32],
    ['2^33', 2 ** 33],
  ])('goes on where its numbers pass %s, within what is written or read at once and between', (_, limit) => {
    memory.longs[TAIL_OFFSET >> 3] = memory.longs[HEAD_OFFSET >> 3] = BigInt(2 ** 40);
    const first = limit - 30;
    new BigInt64Array(memory.ringWords.buffer, memory.ringWords.byteOffset, 2).set([0n, BigInt(first)]);
    writer = new RingWriter(memory, 0, new ReliableCursors(table));
    const reader = startReader();
    expect(reader.expected).toBe(first);
    for (let from = first; from < limit + 30; from += 20) {
      const lengths = Array.from({ length: 10 }, (_, index) => 10 + index);
      for (let count = 0; count < 10; count++) expect(write(count, count)).toBe(true);
      expect(writeAll(lengths)).toBe(true);
      for (let count = 0; count < 20; count++) {
        expect([reader.read(), reader.sequence, reader.end - reader.start]).toEqual([
          'message',
          from + count,
          count,
        ]);
      }
      expect([reader.read(), reader.expected]).toEqual(['empty', from + 20]);
    }
  });

  it('reads message by message where they are whole, and leaves everything else to the other way', () => {
    const reader = startReader();
    const { position } = reader;
    for (let count = 1; count <= 3; count++) write(16, count);
    expect([reader.readWhole(), reader.position]).toEqual([false, position]);
    expect(reader.read()).toBe('message');
    expect([reader.readWhole(), reader.sequence, reader.positionOfLast]).toEqual([true, 2, position + 64]);
    expect([reader.readWhole(), reader.sequence, reader.positionOfLast]).toEqual([true, 3, position + 128]);
    expect([reader.readWhole(), reader.position]).toEqual([false, position + 192]);
    expect(reader.read()).toBe('empty');
  });

  it('goes on with the number that stands at the tail when another publisher takes over', () => {
    write(1);
    write(1);
    table.tryClaim(1, 0n, owner);
    const other = new RingWriter(memory, 1, new ReliableCursors(table));
    other.begin();
    expect([other.tail, other.nextSequence]).toEqual([64, 3]);
  });
});

describe('a ring with bad contents', () => {
  it.each([
    [
      'a tail that is no position',
      () => memory.longs.fill(7n, TAIL_OFFSET / 8, TAIL_OFFSET / 8 + 1),
      /the tail is 7/,
    ],
    [
      'a tail behind the reader',
      () => memory.longs.fill(-64n, TAIL_OFFSET / 8, TAIL_OFFSET / 8 + 1),
      /the tail is -64/,
    ],
    [
      'a length that reaches beyond the tail',
      () => memory.ringWords.fill(500, 0, 1),
      /a frame of 544 bytes at 0/,
    ],
    ['a length that is too short', () => memory.ringWords.fill(8, 0, 1), /followed by number \d+, 2 was due/],
    ['a negative length', () => memory.ringWords.fill(-100, 0, 1), /a frame of -?\d+ bytes/],
    ['a length just below 0', () => memory.ringWords.fill(-5, 0, 1), /-5 bytes, publisher 0/],
    ['a huge length', () => memory.ringWords.fill(0x7fffffff, 0, 1), /a frame of -?\d+ bytes/],
    ['an unknown kind', () => memory.ringWords.fill(99, 1, 2), /frame of kind 99/],
    ['a publisher that has no slot', () => memory.ringWords.fill(1 | (64 << 16), 1, 2), /publisher 64,/],
    ['a wrong sequence', () => memory.ringWords.fill(8, 2, 3), /sequence 8 where 1 was due/],
  ])('%s is reported, and the reader goes on behind it', (_, spoil, problem) => {
    const reader = startReader();
    write(10);
    const tail = memory.longs[TAIL_OFFSET / 8] as bigint;
    spoil();
    expect(reader.read()).toBe('corrupted');
    expect(reader.problem).toMatch(problem);
    memory.longs[TAIL_OFFSET / 8] = tail;
    expect(reader.skipToTail()).toBe('lapped');
    expect([reader.expected, reader.sequence]).toEqual([1, 2]);
    reader.expected = reader.sequence;
    write(10);
    expect([reader.read(), reader.sequence]).toEqual(['message', 2]);
  });

  it('does not pass a last fragment off as a whole message', () => {
    const reader = startReader();
    for (const offset of [0, 8]) {
      writer.begin();
      writer.writeFragment({ began: 0, total: 16, offset, generation: 1 }, new Uint8Array(8), 0);
      writer.commit();
    }
    memory.ringWords[(64 >> 2) + 1] = 1;
    expect(reader.read()).toBe('part');
    expect(reader.read()).toBe('corrupted');
    expect(reader.problem).toBe('frame of kind 1 with a last fragment');
  });

  it('does not pass a message off as good that swallows the next one', () => {
    const reader = startReader();
    write(10);
    write(10);
    memory.ringWords.fill(100, 0, 1);
    expect(reader.read()).toBe('corrupted');
    expect(reader.problem).toMatch(/100 bytes is followed by number 3, 2 was due/);
  });

  it('does not pass a last fragment off as a whole message', () => {
    const reader = startReader();
    for (const offset of [0, 8]) {
      writer.begin();
      writer.writeFragment({ began: 0, total: 16, offset, generation: 1 }, new Uint8Array(8), 0);
      writer.commit();
    }
    memory.ringWords[(64 >> 2) + 1] = 1;
    expect(reader.read()).toBe('part');
    expect(reader.read()).toBe('corrupted');
    expect(reader.problem).toBe('frame of kind 1 with a last fragment');
  });

  it('does not pass a message off as good that swallows the next one up to the end of the ring', () => {
    const reader = startReader();
    for (let count = 1; count <= 8; count++) {
      write(488);
      if (count < 7) expect(reader.read()).toBe('message');
    }
    memory.ringWords[(6 * 512) >> 2] = 1000;
    expect(reader.read()).toBe('corrupted');
    expect(reader.problem).toBe('a frame of 1000 bytes is followed by number 9, 8 was due');
  });

  it('does not go round and round to a tail that is far away', () => {
    const reader = startReader();
    const part = { began: 0, total: 1 << 20, generation: 1 };
    // A ring full of parts: the same number stands everywhere.
    for (let count = 0; count < CAPACITY / 32; count++) {
      writer.begin();
      expect(writer.reserve(writer.sizeOf(40))).toBe(true);
      writer.writeFragment({ ...part, offset: 8 * count }, new Uint8Array(8), 0);
      writer.commit();
    }
    memory.longs[HEAD_OFFSET / 8] = 0n;
    memory.longs[TAIL_OFFSET / 8] = 1n << 50n;
    expect(reader.read()).toBe('corrupted');
    expect(reader.problem).toMatch(/the tail is 1125899906842624, more than the ring holds beyond 0/);
  });

  it.each([
    ['head', HEAD_OFFSET, 3200n],
    ['tail', TAIL_OFFSET, 6400n],
  ])('does not go on at a %s where an impossible number stands', (_, offset, position) => {
    const reader = startReader();
    for (let count = 0; count < 40; count++) write(100);
    memory.ringWords.fill(77, 0, CAPACITY / 4);
    memory.longs[offset / 8] = position;
    let outcome = reader.read();
    if (outcome === 'corrupted') outcome = reader.skipToTail();
    expect(outcome).toBe('corrupted');
    expect(reader.problem).toMatch(/number 330712481869 stands at the/);
  });

  it('refuses to publish behind a tail or a head that is no position', () => {
    memory.longs[TAIL_OFFSET / 8] = 33n;
    expect(() => write(1)).toThrow(/the tail is 33; it must be a multiple of 32/);
    memory.longs[TAIL_OFFSET / 8] = 0n;
    memory.longs[HEAD_OFFSET / 8] = 1n << 40n;
    expect(() => {
      for (;;) write(100);
    }).toThrow(/the head is 1099511627776/);
  });

  it('refuses to publish at a tail that no publisher has committed', () => {
    memory.longs[TAIL_OFFSET / 8] = -1n;
    expect(() => write(1)).toThrow(/the tail is -1;/);
    memory.longs[TAIL_OFFSET / 8] = 0n;
    for (let count = 0; count < 4; count++) write(10);
    memory.longs[TAIL_OFFSET / 8] = 64n;
    expect(() => write(1)).toThrow(/the tail is 64; it must be a multiple of 32 from 256/);
  });

  it.each([0, 6, 2 ** 53])(
    'neither publishes nor reads on from the number %i where it is impossible',
    (number) => {
      for (let count = 0; count < 2; count++) write(10);
      const { buffer, byteOffset } = memory.ringWords;
      new DataView(buffer, byteOffset).setBigUint64(128 + 8, BigInt(number), true);
      const other = new RingWriter(memory, 1, new ReliableCursors(table));
      expect(() => other.begin()).toThrow(`number ${number} stands at the tail, 128; it was 1 at 0`);
      const reader = new RingReader(memory);
      expect(reader.seekTail()).toBe('corrupted');
      expect(reader.problem).toBe(`number ${number} stands at the tail, which is 128`);
    },
  );

  it('is held back by no slot that is free, whatever its state says', () => {
    reliableAt(1, 0);
    table.release(1, owner.nonce);
    while (writer.tail < 2 * CAPACITY) expect(write(100)).toBe(true);
  });

  it.each([-64, 33, 2 ** 40])('disconnects a reliable subscriber whose cursor is %i', (cursor) => {
    reliableAt(1, cursor);
    while (writer.tail < 2 * CAPACITY) expect(write(100)).toBe(true);
    expect(table.stateOf(1)).toBe(STATE_DISCONNECTED);
  });
});
