import { raw } from '@mmfbus/codec';
import { allocateWordBytes, type WordBytes } from '@mmfbus/codec/internal';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { checkDefinition } from '../format/definition.js';
import { HEAD_OFFSET } from '../format/header-layout.js';
import type { Origin } from '../format/origin.js';
import { type ChannelMemory, openChannelMemory } from '../membership/channel-memory.js';
import { ParticipantTable } from '../membership/participant-table.js';
import { ReliableCursors } from '../membership/reliable-cursors.js';
import { RingReader } from '../ring/ring-reader.js';
import { RingWriter } from '../ring/ring-writer.js';
import { OriginAppend, SplitAppend } from './append.js';

/** Frames of a quarter of it are longer than what a reader copies at a time. */
const CAPACITY = 2 ** 20;
const ORIGIN: Origin = {
  incarnation: 'f1e2d3c4b5a69788',
  sequence: 0x1a_8b9c_adbe,
  time: 0x97a8b9ca_dbecfd0en,
};

let memory: ChannelMemory;
let writer: RingWriter;
let names = 0;

beforeEach(async () => {
  const name = `mmfbus-test-${process.pid}-large-${++names}`;
  const definition = checkDefinition({ name, capacity: CAPACITY, codec: raw() });
  memory = await openChannelMemory(definition, 'open-or-create');
  onTestFinished(() => memory.close());
  const table = new ParticipantTable(memory);
  const owner = {
    nonce: 5n,
    pid: process.pid,
    startTime: 1n,
    pidNamespace: 1n,
    threadId: 0,
    threadStartTime: 0n,
  };
  table.tryClaim(0, 0n, owner);
  writer = new RingWriter(memory, 0, new ReliableCursors(table));
});

function payload(length: number, seed: number): WordBytes {
  const bytes = allocateWordBytes(length);
  for (let index = 0; index < length; index++) bytes[index] = seed * 31 + index * 7 + (index >> 8);
  return bytes;
}

function append(one: OriginAppend | SplitAppend, times = Number.POSITIVE_INFINITY): void {
  let left = times;
  do {
    writer.begin();
    expect(writer.reserve(one.sizeIn(writer))).toBe(true);
    one.write(writer, 7);
    writer.commit();
    left--;
  } while (one.advance() && left > 0);
}

function write(length: number, seed: number): number {
  writer.begin();
  const { tail } = writer;
  expect(writer.reserve(writer.sizeOf(length))).toBe(true);
  writer.writeMessage(payload(length, seed), length, 7);
  writer.commit();
  return tail;
}

function startReader(longest?: number): RingReader {
  const reader = new RingReader(memory, longest);
  expect(reader.seekTail()).toBe('done');
  return reader;
}

function readAll(reader: RingReader): string {
  let outcome = reader.read();
  while (outcome === 'part') outcome = reader.read();
  return outcome;
}

function expectMessage(reader: RingReader, length: number, seed: number): void {
  expect(readAll(reader)).toBe('message');
  expect(reader.end - reader.start).toBe(length);
  const found = reader.payload.subarray(reader.start, reader.end);
  expect(Buffer.compare(found, payload(length, seed).subarray(0, length))).toBe(0);
}

describe('frames that are longer than a batch', () => {
  it('are read among short ones, over the end of the ring, again and again', () => {
    const reader = startReader();
    const lengths = [200_000, 5, 65_536, 65_500, 70_001, 0, 260_000, 12, 100, 131_072];
    for (let seed = 0; seed < 60; seed += 2) {
      const [one, other] = [lengths[seed % 10] as number, lengths[(seed + 1) % 10] as number];
      write(one, seed);
      write(other, seed + 1);
      expectMessage(reader, one, seed);
      expectMessage(reader, other, seed + 1);
      expect(reader.read()).toBe('empty');
    }
    expect(reader.sequence).toBe(60);
  });

  it('say where their message comes from', () => {
    const reader = startReader();
    append(new OriginAppend(ORIGIN, payload(200_000, 1)));
    expectMessage(reader, 200_000, 1);
    expect(reader.origin).toEqual(ORIGIN);
    append(new SplitAppend(payload(300_000, 2), 300_000, 0, 120_000, ORIGIN));
    expectMessage(reader, 300_000, 2);
    expect(reader.origin).toEqual(ORIGIN);
  });

  it('are read into the same memory, which is not used any more once a value has taken it', () => {
    const reader = startReader();
    const next = (seed: number) => {
      write(200_000, seed);
      expectMessage(reader, 200_000, seed);
      return reader.payload;
    };
    const first = next(1);
    expect(next(2)).toBe(first);
    const value = raw().decode(reader.payload, reader.start, reader.end);
    expect(value.buffer).toBe(first.buffer);
    const second = next(3);
    expect(second).not.toBe(first);
    expect(Buffer.compare(value, payload(200_000, 2))).toBe(0);
    expect(reader.read()).toBe('empty');
    expect(next(4)).toBe(second);
  });

  it('of several publishers are put together at their places', () => {
    const reader = startReader();
    const one = new SplitAppend(payload(400_000, 1), 400_000, 0, 100_000);
    append(one, 2);
    expect(reader.read()).toBe('part');
    expect(reader.read()).toBe('part');
    append(one);
    expectMessage(reader, 400_000, 1);
    const value = raw().decode(reader.payload, reader.start, reader.end);
    append(new SplitAppend(payload(400_000, 2), 400_000, 0, 100_000));
    expectMessage(reader, 400_000, 2);
    expect(Buffer.compare(value, payload(400_000, 1))).toBe(0);
  });

  it('are only counted where they are too long for the reader', () => {
    const reader = startReader(1000);
    write(200_000, 1);
    append(new SplitAppend(payload(300_000, 2), 300_000, 0, 120_000));
    write(20, 3);
    expect(readAll(reader)).toBe('omitted');
    expect(reader.omitted).toBe(200_000);
    expect(readAll(reader)).toBe('omitted');
    expect(reader.omitted).toBe(300_000);
    expectMessage(reader, 20, 3);
  });

  it('that a publisher overwrites while they are copied are a gap', () => {
    const reader = startReader();
    write(200_000, 1);
    write(200_000, 2);
    expectMessage(reader, 200_000, 1);
    const second = reader.position;
    // The head is moved on between the copying of the beginning and that of the rest.
    const load = Atomics.load;
    let loads = 0;
    Atomics.load = ((array: never, index: number) => {
      const isHead = (array as unknown) === memory.words && index === HEAD_OFFSET >> 2;
      if (isHead && ++loads === 2) memory.longs[HEAD_OFFSET >> 3] = BigInt(writer.tail);
      return load(array, index);
    }) as typeof load;
    onTestFinished(() => {
      Atomics.load = load;
    });
    expect(reader.read()).toBe('lapped');
    Atomics.load = load;
    expect(loads).toBeGreaterThanOrEqual(2);
    expect(reader.position).toBeGreaterThan(second);
    expect(reader.sequence).toBe(3);
  });

  it.each([
    ['another number', 2, 99, /sequence 99 where 1 was due/],
    ['a length that leads elsewhere', 0, 199_000, /is followed by number/],
    ['a length beyond what a frame takes', 0, CAPACITY / 2, /bytes/],
    ['a kind that there is not', 1, 9, /frame of kind 9/],
    ['padding that ends anywhere', 1, 2, /padding ends at/],
    ['an invalid extension', 1, 0x101, /an extension that a payload/],
  ])('with %s are corruption', (_, word, value, problem) => {
    const reader = startReader();
    const at = write(200_000, 0) >> 2;
    write(200_000, 2);
    write(200_000, 3);
    // The extension's length would be that of the first bytes.
    memory.ringWords[at + 6] = 0;
    memory.ringWords[at + word] = value;
    expect(reader.read()).toBe('corrupted');
    expect(reader.problem).toMatch(problem);
  });

  it.each([
    ['of a message of another length', 1, 300_001, /was due/],
    ['beyond the bytes of its message', 2, 299_999, /from 299999 to/],
  ])('with parts %s are corruption', (_, longWord, value, problem) => {
    const reader = startReader();
    const split = new SplitAppend(payload(300_000, 2), 300_000, 0, 120_000);
    append(split, 2);
    const at = (reader.position >> 2) + 6;
    memory.ringWords[at + 1 + longWord] = value;
    let outcome = reader.read();
    if (outcome === 'part') outcome = reader.read();
    expect(outcome).toBe('corrupted');
    expect(reader.problem).toMatch(problem);
  });
});
