import { beforeEach, describe, expect, it } from 'vitest';
import { Reassembly } from './reassembly.js';

const SLOT = 3;
let reassembly: Reassembly;

beforeEach(() => {
  reassembly = new Reassembly(1_000_000);
});

function add(
  offset: number,
  bytes: number[],
  total: number,
  more: { began?: number; generation?: number; slot?: number } = {},
) {
  const { began = 64, generation = 1, slot = SLOT } = more;
  const isLast = offset + bytes.length === total;
  const position = offset === 0 ? began : began + 320;
  return reassembly.add(slot, { began, total, offset, generation }, position, Uint8Array.from(bytes), isLast);
}

function message(): number[] {
  return [...reassembly.message.subarray(0, reassembly.length)];
}

describe('reassembly', () => {
  it('puts the parts of several publishers together', () => {
    expect(add(0, [1, 2], 5)).toBe('partial');
    expect(add(0, [9], 2, { slot: 4 })).toBe('partial');
    expect(add(2, [3], 5)).toBe('partial');
    expect(add(1, [8], 2, { slot: 4 })).toBe('complete');
    expect(message()).toEqual([9, 8]);
    expect(add(3, [4, 5], 5)).toBe('complete');
    expect(message()).toEqual([1, 2, 3, 4, 5]);
    expect(reassembly.isEmpty).toBe(true);
  });

  it('grows with what arrives, not with what is announced', () => {
    const before = process.memoryUsage().arrayBuffers;
    const many = Array.from({ length: 100 }, () => new Reassembly(2 ** 30));
    for (const one of many) {
      one.add(SLOT, { began: 0, total: 2 ** 30, offset: 0, generation: 1 }, 0, new Uint8Array(10), false);
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100 * 100_000);
    expect(many.every(({ isEmpty }) => !isEmpty)).toBe(true);
  });

  it('has all of the memory at once where a first part is not much shorter, and lets it grow else', () => {
    const partOf = (offset: number, total: number) => ({ began: 0, total, offset, generation: 1 });
    const whole = reassembly.place(SLOT, partOf(0, 160), 0, 10, false, undefined);
    expect(whole).toHaveLength(160);
    const first = reassembly.place(SLOT, partOf(0, 1000), 0, 10, false, undefined);
    expect(first).toHaveLength(160);
    (first as Uint8Array).fill(1, 0, 10);
    expect(reassembly.finish(SLOT, 10)).toBe('partial');
    const grown = reassembly.place(SLOT, partOf(10, 1000), 64, 300, false, undefined);
    expect(grown).toHaveLength(320);
    expect((grown as Uint8Array).subarray(0, 10)).toStrictEqual(new Uint8Array(10).fill(1));
  });

  it('puts the next message where the last one was, unless that memory was taken, or is too short or long', () => {
    const whole = (length: number, began: number) => {
      const bytes = Array.from({ length }, (_, index) => index & 0xff);
      add(0, bytes.slice(0, length / 2), length, { began });
      expect(add(length / 2, bytes.slice(length / 2), length, { began })).toBe('complete');
      expect(message()).toEqual(bytes);
      return reassembly.message.buffer;
    };
    const first = whole(100, 64);
    expect(whole(80, 128)).toBe(first);
    reassembly.forgetMessage();
    expect(reassembly.message).toHaveLength(0);
    expect(whole(60, 192)).toBe(first);
    const short = whole(40, 256);
    expect(short).not.toBe(first);
    const long = whole(50, 320);
    expect(long).not.toBe(short);
    reassembly.message.isFree = false;
    expect(whole(50, 384)).not.toBe(long);
  });

  it('never uses memory of a message that is not complete for another one', () => {
    add(0, [1, 2], 4, { slot: 1 });
    add(0, [3, 4], 4, { slot: 2 });
    expect(add(2, [5, 6], 4, { slot: 1 })).toBe('complete');
    expect(message()).toEqual([1, 2, 5, 6]);
    add(0, [7, 8], 4, { slot: 1, began: 640 });
    expect(add(2, [9, 10], 4, { slot: 2 })).toBe('complete');
    expect(message()).toEqual([3, 4, 9, 10]);
    expect(add(2, [11, 12], 4, { slot: 1, began: 640 })).toBe('complete');
    expect(message()).toEqual([7, 8, 11, 12]);
  });

  it.each([
    ['of another message', { began: 128 }],
    ['of another generation', { generation: 2 }],
  ])('refuses a part %s, and forgets what it had', (_, other) => {
    add(0, [1, 2], 5);
    expect(add(2, [3, 4, 5], 5, other)).toEqual({ problem: 'a fragment from 2 on, where 2 was due' });
    expect(reassembly.isEmpty).toBe(true);
    expect(add(2, [3, 4, 5], 5)).toBe('orphan');
  });

  it('refuses a first part that is not where its message began, and another one that is', () => {
    const part = { began: 64, total: 5, offset: 0, generation: 1 };
    const problem = {
      problem: expect.stringMatching(/a fragment from [02] on at \d+, of a message that began at 64/),
    };
    expect(reassembly.add(SLOT, part, 96, new Uint8Array(2), false)).toEqual(problem);
    expect(reassembly.add(SLOT, { ...part, offset: 2 }, 64, new Uint8Array(2), false)).toEqual(problem);
  });

  it('begins anew with a first part', () => {
    add(0, [1, 2], 5);
    expect(add(0, [7], 2, { began: 128 })).toBe('partial');
    expect(add(1, [8], 2, { began: 128 })).toBe('complete');
    expect(message()).toEqual([7, 8]);
  });

  it.each([
    ['is larger than a message may be', 0, [1], 1_000_001, false, /from 0 to 1 of 1000001/],
    ['ends beyond its message', 4, [1, 2], 5, true, /from 4 to 6 of 5/],
    ['is the last one and is not said to be', 4, [1], 5, false, /a fragment from 4 to 5 of 5/],
    ['is said to be the last one and is not', 3, [1], 5, true, /a last fragment from 3 to 4 of 5/],
    ['has no bytes', 5, [], 5, true, /from 5 to 5 of 5/],
  ])('refuses a part that %s', (_, offset, bytes, total, isLast, problem) => {
    add(0, [1, 2], 5);
    const part = { began: 64, total, offset, generation: 1 };
    const outcome = reassembly.add(SLOT, part, 96, Uint8Array.from(bytes), isLast);
    expect(outcome).toEqual({ problem: expect.stringMatching(problem) });
    expect(reassembly.isEmpty).toBe(true);
  });

  it('forgets those of publishers that are gone', () => {
    add(0, [1], 5, { slot: 1 });
    add(0, [1], 5, { slot: 2, generation: 7 });
    reassembly.dropUnless((slot, generation) => slot === 2 && generation === 7);
    expect(add(1, [2, 3, 4, 5], 5, { slot: 1 })).toBe('orphan');
    expect(add(1, [2, 3, 4, 5], 5, { slot: 2, generation: 7 })).toBe('complete');
  });
});
