import { raw } from '@mmfbus/codec';
import { leasePort, type PortAddress, type PortLease, timers } from '@mmfbus/core/internal';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { checkDefinition } from '../format/definition.js';
import { PUBLISHER_LOCK_OFFSET } from '../format/header-layout.js';
import { SLOT_BITS } from '../format/participant-layout.js';
import { type ChannelMemory, openChannelMemory } from './channel-memory.js';
import { describeLockHolder } from './lock-holder.js';
import { namedPorts } from './named-ports.js';
import { ParticipantTable } from './participant-table.js';
import { PublisherLock } from './publisher-lock.js';

/** Called when another participant lets other threads run. */
const others = vi.hoisted(() => ({ run: () => {} }));

vi.mock('@mmfbus/core/internal', async (importOriginal) => ({
  ...(await importOriginal<object>()),
  yieldThread: () => others.run(),
}));

const LOCK = PUBLISHER_LOCK_OFFSET >> 2;

let port: PortLease;
let memory: ChannelMemory;
let table: ParticipantTable;
let names = 0;

beforeEach(async () => {
  port = leasePort(() => {}, namedPorts);
  const name = `mmfbus-test-${process.pid}-lock-${++names}`;
  memory = await openChannelMemory(checkDefinition({ name, capacity: 4096, codec: raw() }), 'open-or-create');
  table = new ParticipantTable(memory);
});

afterEach(() => {
  memory.close();
  port.release();
});

/** Slots whose lock was taken over. */
const takenOver: number[] = [];

function join(slot: number, owner: PortAddress = port.address): PublisherLock {
  table.tryClaim(slot, 0n, owner);
  return new PublisherLock(memory, table, slot, (holder) => takenOver.push(holder));
}

describe('a lock word that no participant writes that follows the rules', () => {
  it('is no obstacle when it names a slot that there is not', () => {
    const lock = join(0);
    memory.words[LOCK] = (1 << SLOT_BITS) | table.count;
    expect(lock.spin()).toBe(true);
    lock.release();
    expect(lock.isHeld()).toBe(false);
    expect(takenOver).toEqual([]);
  });

  it('is no obstacle to the one that it names, but to every other participant', () => {
    const [lock, other] = [join(0), join(1)];
    lock.tryAcquire();
    const word = memory.words[LOCK] as number;
    lock.release();
    memory.words[LOCK] = word;
    expect(other.spin()).toBe(false);
    expect(lock.spin()).toBe(true);
    expect(lock.spin()).toBe(false);
    lock.release();
    expect(other.spin()).toBe(true);
  });
});

describe('a lock word that changed while the lock was held', () => {
  it('is left as it is by the release', () => {
    const lock = join(0);
    lock.tryAcquire();
    memory.words[LOCK] = 77;
    lock.release();
    expect(memory.words[LOCK]).toBe(77);
  });
});

describe('a lock whose holder does not run', () => {
  it('is taken when the holder was given the time to finish', () => {
    const [lock, holder] = [join(0), join(1)];
    holder.tryAcquire();
    let turns = 0;
    others.run = () => {
      if (++turns === 20) holder.release();
    };
    expect(lock.spin()).toBe(true);
    expect(turns).toBe(20);
    lock.release();
  });

  it('is given up after a bounded number of turns', () => {
    const [lock, holder] = [join(0), join(1)];
    holder.tryAcquire();
    let turns = 0;
    others.run = () => turns++;
    expect(lock.spin()).toBe(false);
    expect(turns).toBe(64);
    holder.release();
  });
});

describe('waiting for a lock that a living holder keeps', () => {
  it('ends at once with the signal, also in the middle of a pause', async () => {
    const [holder, waiting] = [join(0), join(1)];
    holder.tryAcquire();
    const [first, second] = [new AbortController(), new AbortController()];
    const acquired = waiting.acquire([first.signal, second.signal]);
    for (let turn = 0; turn < 30; turn++) await new Promise((resolve) => setImmediate(resolve));
    second.abort(new Error('enough'));
    await expect(acquired).rejects.toThrow('enough');
    await expect(waiting.acquire([second.signal])).rejects.toThrow('enough');
    holder.release();
    expect(waiting.spin()).toBe(true);
    waiting.release();
  });

  it('goes on under fake timers', async () => {
    vi.useFakeTimers();
    try {
      const [holder, waiting] = [join(0), join(1)];
      holder.tryAcquire();
      const acquired = waiting.acquire();
      for (let turn = 0; turn < 30; turn++) await timers.nextTurn();
      holder.release();
      await acquired;
      waiting.release();
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('what is said of the holder', () => {
  it('is who it is, or that there is none', () => {
    const lock = join(0);
    expect(describeLockHolder(memory)).toBe('the publisher lock is free, and others were faster');
    lock.tryAcquire();
    expect(describeLockHolder(memory)).toBe(
      `the publisher lock is held by slot 0, of process ${process.pid}`,
    );
    lock.release();
    memory.words[LOCK] = (1 << SLOT_BITS) | table.count;
    expect(describeLockHolder(memory)).toMatch(/of an unknown process$/);
    memory.close();
    expect(describeLockHolder(memory)).toBe('it is being left');
  });
});

describe('what is left for after the release', () => {
  it('is done once, with the lock free', () => {
    const lock = join(0);
    const seen: boolean[] = [];
    lock.tryAcquire();
    lock.afterRelease(() => seen.push(lock.isHeld()));
    lock.release();
    lock.tryAcquire();
    lock.release();
    expect(seen).toEqual([false]);
  });
});
