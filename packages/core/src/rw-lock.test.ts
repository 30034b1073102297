import { describe, expect, it } from 'vitest';
import { awaitAcquire, spinAcquire } from './lock.js';
import { RWLock } from './rw-lock.js';
import { shareMemory } from './shared-memory.js';

function lockOver(word: number): { lock: RWLock; word: () => number } {
  const memory = new ArrayBuffer(64);
  const words = new Uint32Array(memory);
  words[0] = word;
  return { lock: new RWLock(shareMemory(new Uint8Array(memory))), word: () => words[0] as number };
}

describe('the lock word', () => {
  it('is free after it was initialised', () => {
    const { lock, word } = lockOver(0xdeadbeef);
    lock.initialise();
    expect(word()).toBe(0);
  });

  it.each([
    ['read', 0, 'acquired', 1],
    ['read', 5, 'acquired', 6],
    ['read', 0x80000000, 'WRITE_LOCKED', 0x80000000],
    ['read', 0x00ffffff, 'MAX_READERS', 0x00ffffff],
    ['read', 0xff000000, 'UNINITIALIZED', 0xff000000],
    ['write', 0, 'acquired', 0x80000000],
    ['write', 1, 'READ_LOCKED', 1],
    ['write', 0x80000000, 'WRITE_LOCKED', 0x80000000],
    ['write', 0xff000000, 'UNINITIALIZED', 0xff000000],
  ] as const)('taken to %s when it is %i: %s, then %i', (kind, before, outcome, after) => {
    const { lock, word } = lockOver(before);
    expect(lock.tryAcquire(kind)).toBe(outcome);
    expect(word()).toBe(after);
  });

  it('is released to what it was', () => {
    const { lock, word } = lockOver(3);
    lock.release('read');
    expect(word()).toBe(2);
    const writer = lockOver(0x80000000);
    writer.lock.release('write');
    expect(writer.word()).toBe(0);
  });

  it.each([
    ['read', 0],
    ['write', 0],
    ['write', 2],
    ['read', 0xff000000],
  ] as const)('refuses a release of %s when it is %i', (kind, word) => {
    expect(() => lockOver(word).lock.release(kind)).toThrow(/no (read|write) lock to release: lock word 0x/);
  });

  it('is free after it was broken', () => {
    const { lock, word } = lockOver(0x80000000);
    lock.breakLock();
    expect(word()).toBe(0);
  });
});

describe('waiting for a lock', () => {
  it('spins a bounded number of times', () => {
    const { lock } = lockOver(2);
    expect(() => spinAcquire(lock, 'write', 3)).toThrow(
      /within 3 tries: lock word 0x00000002, held by 2 reader/,
    );
    expect(() => spinAcquire(lock, 'write', 0)).toThrow(/maxTries/);
  });

  it('awaits the release', async () => {
    const { lock, word } = lockOver(0x80000000);
    const taken = awaitAcquire(lock, 'read');
    lock.release('write');
    await taken;
    expect(word()).toBe(1);
  });

  it('gives up after its timeout, at once where no process will ever set the lock up', async () => {
    await expect(awaitAcquire(lockOver(1).lock, 'write', { timeout: 5 })).rejects.toMatchObject({
      code: 'TIMEOUT',
    });
    const uninitialised = awaitAcquire(lockOver(0xff000000).lock, 'write');
    await expect(uninitialised).rejects.toMatchObject({ code: 'UNINITIALIZED' });
    await expect(awaitAcquire(lockOver(1).lock, 'write', { timeout: -1 })).rejects.toThrow(/timeout/);
  });

  it('gives up with the reason of its signal', async () => {
    const abort = new AbortController();
    const taken = awaitAcquire(lockOver(1).lock, 'write', { signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(taken).rejects.toThrow('enough');
  });
});
