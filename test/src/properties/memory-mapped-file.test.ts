import { MemoryMappedFile, MmfError } from '@mmfbus/core';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { openResources } from '../support/open-resources.js';
import { uniqueName } from '../support/unique-name.js';

/** Each call of the operating system takes much longer under Wine. */
const RUNS = process.platform === 'win32' ? 2_000 : 10_000;
const prefix = uniqueName('model');

/** A mapping as it should be: bytes, who holds it, and its lock. */
interface Mapping {
  readonly data: Uint8Array;
  holders: number;
  readers: number;
  writer: boolean;
}

interface Handle {
  readonly mapping: Mapping;
  readonly real: MemoryMappedFile;
  readonly size: number;
  readonly writable: boolean;
  open: boolean;
}

type Outcome = string | Uint8Array | number;

function outcomeOf(action: () => Outcome): Outcome {
  try {
    return action();
  } catch (error) {
    if (error instanceof MmfError) return error.code;
    throw error;
  }
}

/** Runs commands on both, the plain model first, and compares every outcome. */
class World {
  readonly #mappings = new Map<string, Mapping>();
  readonly #handles: Handle[] = [];

  open(how: 'create' | 'open' | 'openReadOnly' | 'openOrCreate', name: string, size: number): void {
    const known = this.#mappings.get(name);
    const creates = how === 'create' || (how === 'openOrCreate' && known === undefined);
    const expected =
      (how === 'create' || how === 'openOrCreate') && size < 1
        ? 'INVALID_ARGUMENT'
        : how === 'create' && known !== undefined
          ? 'EXISTS'
          : !creates && known === undefined
            ? 'NOT_FOUND'
            : !creates && size > (known as Mapping).data.length
              ? 'SIZE_MISMATCH'
              : 'opened';
    let real: MemoryMappedFile | undefined;
    const outcome = outcomeOf(() => {
      real = MemoryMappedFile[how](`${prefix}-${name}`, size);
      return 'opened';
    });
    expect(outcome).toBe(expected);
    if (real === undefined) return;
    const mapping = known ?? { data: new Uint8Array(size), holders: 0, readers: 0, writer: false };
    this.#mappings.set(name, mapping);
    mapping.holders++;
    const handleSize = size === 0 ? mapping.data.length : size;
    expect(real.size).toBe(handleSize);
    this.#handles.push({ mapping, real, size: handleSize, writable: how !== 'openReadOnly', open: true });
  }

  read(index: number, count: number): void {
    this.#with(index, (handle) => {
      const { mapping } = handle;
      const expected = !handle.open
        ? 'CLOSED'
        : count > handle.size
          ? 'INVALID_ARGUMENT'
          : mapping.writer
            ? 'TIMEOUT'
            : mapping.data.slice(0, count);
      expect(outcomeOf(() => handle.real.read(count))).toEqual(expected);
    });
  }

  write(index: number, bytes: Uint8Array): void {
    this.#with(index, (handle) => {
      const { mapping } = handle;
      const expected = !handle.open
        ? 'CLOSED'
        : !handle.writable
          ? 'READ_ONLY'
          : bytes.length > handle.size
            ? 'INVALID_ARGUMENT'
            : mapping.writer || mapping.readers > 0
              ? 'TIMEOUT'
              : 'written';
      const outcome = outcomeOf(() => {
        handle.real.write(bytes);
        return 'written';
      });
      expect(outcome).toBe(expected);
      if (outcome === 'written') mapping.data.set(bytes);
    });
  }

  lock(index: number, kind: 'read' | 'write'): void {
    this.#with(index, (handle) => {
      const { mapping } = handle;
      const expected = !handle.open
        ? 'CLOSED'
        : mapping.writer
          ? 'WRITE_LOCKED'
          : kind === 'write' && mapping.readers > 0
            ? 'READ_LOCKED'
            : 'acquired';
      expect(outcomeOf(() => handle.real.lock.tryAcquire(kind))).toBe(expected);
      if (expected !== 'acquired') return;
      if (kind === 'write') mapping.writer = true;
      else mapping.readers++;
    });
  }

  unlock(index: number, kind: 'read' | 'write'): void {
    this.#with(index, (handle) => {
      const { mapping } = handle;
      const held = kind === 'write' ? mapping.writer : mapping.readers > 0;
      const expected = !handle.open ? 'CLOSED' : held ? 'released' : 'LOCK_VIOLATION';
      const outcome = outcomeOf(() => {
        handle.real.lock.release(kind);
        return 'released';
      });
      expect(outcome).toBe(expected);
      if (outcome !== 'released') return;
      if (kind === 'write') mapping.writer = false;
      else mapping.readers--;
    });
  }

  close(index: number): void {
    this.#with(index, (handle) => {
      handle.real.close();
      if (!handle.open) return;
      handle.open = false;
      handle.mapping.holders--;
      if (handle.mapping.holders > 0) return;
      for (const [name, mapping] of this.#mappings)
        if (mapping === handle.mapping) this.#mappings.delete(name);
    });
  }

  end(): void {
    for (let index = 0; index < this.#handles.length; index++) this.close(index);
  }

  #with(index: number, action: (handle: Handle) => void): void {
    const handle = this.#handles[index % Math.max(1, this.#handles.length)];
    if (handle !== undefined) action(handle);
  }
}

type Step = (world: World) => void;

const index = fc.nat(7);
const kind = fc.constantFrom('read' as const, 'write' as const);
const size = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 40 }) },
  fc.integer({ min: 4000, max: 9000 }),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('create' as const, 'open' as const, 'openReadOnly' as const, 'openOrCreate' as const),
      fc.constantFrom('a', 'b'),
      size,
    )
    .map(
      ([how, name, bytes]): Step =>
        (world) =>
          world.open(how, name, bytes),
    ),
  fc.tuple(index, size).map(
    ([handle, count]): Step =>
      (world) =>
        world.read(handle, count),
  ),
  fc.tuple(index, fc.uint8Array({ maxLength: 50 })).map(
    ([handle, bytes]): Step =>
      (world) =>
        world.write(handle, bytes),
  ),
  fc.tuple(index, kind).map(
    ([handle, which]): Step =>
      (world) =>
        world.lock(handle, which),
  ),
  fc.tuple(index, kind).map(
    ([handle, which]): Step =>
      (world) =>
        world.unlock(handle, which),
  ),
  index.map(
    (handle): Step =>
      (world) =>
        world.close(handle),
  ),
);

it('mappings do what a plain model does, whatever is called in whatever order, and leak nothing', () => {
  const run = (steps: readonly Step[]) => {
    const world = new World();
    try {
      for (const one of steps) one(world);
    } finally {
      world.end();
    }
  };
  run([(world) => world.open('create', 'a', 1)]);
  const before = openResources();
  fc.assert(fc.property(fc.array(step, { minLength: 8, maxLength: 30 }), run), { numRuns: RUNS });
  expect(openResources()).toEqual(before);
});
