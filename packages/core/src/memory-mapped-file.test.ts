import { afterEach, describe, expect, it, vi } from 'vitest';
import { MmfError } from './errors.js';
import { awaitAcquire } from './lock.js';
import { MemoryMappedFile } from './memory-mapped-file.js';
import { ValidNamespaces } from './namespaces.js';
import { openSegment } from './segment.js';

const isWindows = process.platform === 'win32';
// Windows looks a bare name up where `Local\\` names are.
const namespaces = isWindows
  ? [ValidNamespaces.LOCAL, ValidNamespaces.GLOBAL]
  : Object.values(ValidNamespaces);
const noFileNames = isWindows ? ['n'.repeat(40_000)] : ['.', '..', 'n'.repeat(300)];

const opened: MemoryMappedFile[] = [];
let names = 0;

function uniqueName(): string {
  return `mmfbus-test-${process.pid}-mmf-${++names}`;
}

function keep(mapping: MemoryMappedFile): MemoryMappedFile {
  opened.push(mapping);
  return mapping;
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof MmfError) return error.code;
    throw error;
  }
  return 'no error';
}

afterEach(() => {
  for (const mapping of opened.splice(0)) mapping.close();
});

describe('a mapping', () => {
  it('is shared by every process that opens its name', () => {
    const name = uniqueName();
    const first = keep(MemoryMappedFile.create(name, 100));
    const second = keep(MemoryMappedFile.open(name));
    first.write(Buffer.from('hello'));
    expect(Buffer.from(second.read(5)).toString()).toBe('hello');
    expect(second.size).toBe(100);
    second.write(Buffer.from('J'));
    expect(Buffer.from(first.read(6))).toEqual(Buffer.from('Jello\0'));
  });

  it('begins as zeros and reads whole by default', () => {
    expect(keep(MemoryMappedFile.create(uniqueName(), 5000)).read()).toEqual(new Uint8Array(5000));
  });

  it('lives until its last holder closes it', () => {
    const name = uniqueName();
    const first = keep(MemoryMappedFile.create(name, 10));
    const second = keep(MemoryMappedFile.open(name));
    first.write(Uint8Array.of(7));
    first.close();
    expect(second.read(1)).toEqual(Uint8Array.of(7));
    second.close();
    expect(codeOf(() => MemoryMappedFile.open(name))).toBe('NOT_FOUND');
    expect(keep(MemoryMappedFile.create(name, 10)).read(1)).toEqual(Uint8Array.of(0));
  });

  it('is created once, or opened where it is there', () => {
    const name = uniqueName();
    keep(MemoryMappedFile.create(name, 10)).write(Uint8Array.of(9));
    expect(codeOf(() => MemoryMappedFile.create(name, 10))).toBe('EXISTS');
    expect(keep(MemoryMappedFile.openOrCreate(name, 10)).read(1)).toEqual(Uint8Array.of(9));
    expect(keep(MemoryMappedFile.openOrCreate(uniqueName(), 10)).read(1)).toEqual(Uint8Array.of(0));
  });

  it('has its size checked where one is asked for', () => {
    const name = uniqueName();
    keep(MemoryMappedFile.create(name, 10));
    expect(keep(MemoryMappedFile.open(name, 4)).size).toBe(4);
    expect(codeOf(() => MemoryMappedFile.open(name, 11))).toBe('SIZE_MISMATCH');
  });

  it('that is read-only reads, locks and does not write', () => {
    const name = uniqueName();
    keep(MemoryMappedFile.create(name, 10)).write(Uint8Array.of(1, 2));
    const reader = keep(MemoryMappedFile.openReadOnly(name));
    expect(reader.read(2)).toEqual(Uint8Array.of(1, 2));
    expect([reader.isReadable, reader.isWritable]).toEqual([true, false]);
    expect(codeOf(() => reader.write(Uint8Array.of(1)))).toBe('READ_ONLY');
    expect(reader.lock.tryAcquire('read')).toBe('acquired');
    reader.lock.release('read');
  });

  it('has the same name in several namespaces', () => {
    const name = uniqueName();
    for (const namespace of namespaces) {
      keep(MemoryMappedFile.create(name, 1, { namespace })).write(Uint8Array.of(namespace + 1));
    }
    for (const namespace of namespaces) {
      expect(keep(MemoryMappedFile.open(name, 0, { namespace })).read()).toEqual(
        Uint8Array.of(namespace + 1),
      );
    }
  });

  it('throws after it was closed, and closes twice', () => {
    const mapping = keep(MemoryMappedFile.create(uniqueName(), 10));
    const { lock } = mapping;
    mapping.close();
    mapping.close();
    expect([mapping.isReadable, mapping.isWritable]).toEqual([false, false]);
    for (const action of [
      () => mapping.read(),
      () => mapping.readInto(new Uint8Array(1)),
      () => mapping.write(new Uint8Array(1)),
      () => mapping.lock,
      () => lock.tryAcquire('read'),
      () => lock.describe(),
    ]) {
      expect(codeOf(action)).toBe('CLOSED');
    }
  });

  it('closes with the scope that declared it', () => {
    const name = uniqueName();
    {
      using mapping = MemoryMappedFile.create(name, 1);
      expect(mapping.isReadable).toBe(true);
    }
    expect(codeOf(() => MemoryMappedFile.open(name))).toBe('NOT_FOUND');
  });

  it('takes its locks by itself, and gives up with the lock named when another process keeps it', () => {
    const mapping = keep(MemoryMappedFile.create(uniqueName(), 10));
    expect(mapping.lock.tryAcquire('write')).toBe('acquired');
    expect(() => mapping.read()).toThrow(/lock word 0x80000000, held by a writer/);
    expect(codeOf(() => mapping.write(new Uint8Array(1)))).toBe('TIMEOUT');
    mapping.lock.release('write');
    expect(mapping.read(1)).toEqual(new Uint8Array(1));
    expect(mapping.lock.describe()).toMatch(/free/);
  });

  it('releases a lock that was held while something threw', async () => {
    const mapping = keep(MemoryMappedFile.create(uniqueName(), 10));
    await expect(
      mapping.withWriteLock(() => {
        throw new Error('mine');
      }),
    ).rejects.toThrow('mine');
    expect(await mapping.withReadLock(() => mapping.lock.describe())).toMatch('1 reader');
    expect(mapping.lock.describe()).toMatch(/free/);
  });
});

describe('waiting for a lock', () => {
  const kinds = ['withReadLock', 'withWriteLock'] as const;

  function held(): MemoryMappedFile {
    const mapping = keep(MemoryMappedFile.create(uniqueName(), 10));
    mapping.lock.tryAcquire('write');
    return mapping;
  }

  it.each(kinds)('by %s ends with the mapping, with the signal and with the timeout', async (kind) => {
    const mapping = held();
    const reason = new Error('enough');
    const controller = new AbortController();
    const use = () => expect.unreachable();
    const aborted = mapping[kind](use, { signal: controller.signal });
    const late = mapping[kind](use, { timeout: 1 });
    const closed = [mapping[kind](use), mapping[kind](use, { signal: new AbortController().signal })];
    controller.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    await expect(late).rejects.toMatchObject({ code: 'TIMEOUT' });
    mapping.close();
    for (const wait of closed) await expect(wait).rejects.toMatchObject({ code: 'CLOSED' });
    await expect(mapping[kind](use)).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it.each(kinds)('by %s leaves nothing held when the mapping closes at once', async (kind) => {
    const other = keep(MemoryMappedFile.create(uniqueName(), 10));
    const mapping = keep(MemoryMappedFile.open(other.name));
    const locked = mapping[kind](() => expect.unreachable());
    mapping.close();
    await expect(locked).rejects.toMatchObject({ code: 'CLOSED' });
    expect(other.lock.describe()).toMatch(/free/);
  });

  it.each(kinds)('by %s gives the lock back when the mapping closes within', async (kind) => {
    const other = keep(MemoryMappedFile.create(uniqueName(), 10));
    const mapping = keep(MemoryMappedFile.open(other.name));
    const result = await mapping[kind](() => {
      mapping.close();
      expect(other.lock.describe()).toMatch(/free/);
      return 'mine';
    });
    expect(result).toBe('mine');
  });

  it.each(kinds)('by %s goes on behind fake timers', async (kind) => {
    const mapping = held();
    vi.useFakeTimers();
    try {
      await expect(mapping[kind](() => 1, { timeout: 3 })).rejects.toMatchObject({ code: 'TIMEOUT' });
    } finally {
      vi.useRealTimers();
    }
  });

  it("leaves nothing when a lock of one's own cannot be made", () => {
    const name = uniqueName();
    const lock = (_memory: unknown, created: boolean) => {
      if (created) return undefined as never;
      throw new Error('mine');
    };
    expect(() => MemoryMappedFile.create(name, 10, { lock })).toThrow('mine');
    expect(codeOf(() => MemoryMappedFile.open(name))).toBe('NOT_FOUND');
  });
});

describe('bad arguments', () => {
  const mapping = () => keep(MemoryMappedFile.create(uniqueName(), 10));
  const used = expect.unreachable as () => never;

  it.each<[string, RegExp, () => unknown]>([
    ['mode 0', /mode of .* from 0o600 to 0o777.*not 0$/, () => MemoryMappedFile.create('x', 1, { mode: 0 })],
    ['mode text', /not "0600"/, () => MemoryMappedFile.create('x', 1, { mode: '0600' as never })],
    [
      'an unknown option',
      /no option "sise"; it has namespace, mode, lock, largePages/,
      () => MemoryMappedFile.create('x', 1, { sise: 1 } as never),
    ],
    [
      'an option of others',
      /no option "largePages"/,
      () => MemoryMappedFile.open('x', 1, { largePages: true } as never),
    ],
    ['invalid options', /must be an object, not 7/, () => MemoryMappedFile.openOrCreate('x', 1, 7 as never)],
    [
      'readOnly',
      /readOnly of openFile must be true or false, not 1/,
      () => MemoryMappedFile.openFile('x', 1, { readOnly: 1 as never }),
    ],
    ['lock', /lock of .* must be a function/, () => MemoryMappedFile.create('x', 1, { lock: {} as never })],
    [
      'disposition',
      /"create", "open", "open-or-create", not "make"/,
      () => openSegment({ name: 'x', disposition: 'make' as never, size: 1 }),
    ],
    [
      'an option of a segment',
      /openSegment has no option "capacity"/,
      () => openSegment({ name: 'x', disposition: 'create', size: 1, capacity: 1 } as never),
    ],
    ['timeout -1', /timeout of withReadLock .* not -1/, () => mapping().withReadLock(used, { timeout: -1 })],
    ['timeout NaN', /timeout .* not NaN/, () => mapping().withWriteLock(used, { timeout: Number.NaN })],
    [
      'signal null',
      /signal of dumpTo must be an AbortSignal, not null/,
      () => mapping().dumpTo('x', { signal: null as never }),
    ],
    [
      'onProgress',
      /onProgress of fromFile must be a function/,
      () => MemoryMappedFile.fromFile('x', 'x', { onProgress: 1 as never }),
    ],
    [
      'use',
      /what withReadLock runs must be a function, not undefined/,
      () => mapping().withReadLock(undefined as never),
    ],
    ['a kind of lock', /"read", "write", not "both"/, () => awaitAcquire(mapping().lock, 'both' as never)],
  ])('%s is refused with what is allowed', async (_, message, call) => {
    await expect((async () => call())()).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(message),
    });
  });

  it('bytes whose memory was given away', () => {
    const detached = new Uint8Array(4);
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    expect(codeOf(() => mapping().write(detached))).toBe('INVALID_ARGUMENT');
    expect(codeOf(() => mapping().readInto(detached))).toBe('INVALID_ARGUMENT');
  });

  it.each([0, -1, 1.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY, '8' as never])('size %s', (size) => {
    expect(() => MemoryMappedFile.create(uniqueName(), size)).toThrow(/must be a whole number from 1 to/);
  });

  it.each(['', 'a\0b', 'a/b', ...noFileNames, 7 as never])('name %j', (name) => {
    expect(codeOf(() => MemoryMappedFile.create(name, 1, { namespace: ValidNamespaces.CUSTOM }))).toBe(
      'INVALID_NAME',
    );
  });

  it('a size that the machine does not have', () => {
    expect(codeOf(() => MemoryMappedFile.create(uniqueName(), 2 ** 50))).toBe('NO_SPACE');
  });

  it('an invalid namespace, an invalid buffer, a count that is too large', () => {
    const namespace = 3 as never;
    expect(codeOf(() => MemoryMappedFile.create(uniqueName(), 1, { namespace }))).toBe('INVALID_ARGUMENT');
    const mapping = keep(MemoryMappedFile.create(uniqueName(), 10));
    expect(codeOf(() => mapping.write('x' as never))).toBe('INVALID_ARGUMENT');
    expect(codeOf(() => mapping.write(new Uint8Array(11)))).toBe('INVALID_ARGUMENT');
    expect(codeOf(() => mapping.read(11))).toBe('INVALID_ARGUMENT');
    expect(codeOf(() => mapping.readInto(new Uint8Array(2), 3))).toBe('INVALID_ARGUMENT');
  });
});
