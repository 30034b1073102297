import { afterEach, describe, expect, it } from 'vitest';
import { MmfError } from './errors.js';
import { MemoryMappedFile } from './memory-mapped-file.js';
import { ValidNamespaces } from './namespaces.js';

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
  it('is shared by everybody who opens its name', () => {
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

  it('takes its locks by itself, and gives up with the lock named when somebody keeps it', () => {
    const mapping = keep(MemoryMappedFile.create(uniqueName(), 10));
    expect(mapping.lock.tryAcquire('write')).toBe('acquired');
    expect(() => mapping.read()).toThrow(/lock word 0x80000000, held by a writer/);
    expect(codeOf(() => mapping.write(new Uint8Array(1)))).toBe('MAX_TRIES');
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

describe('bad arguments', () => {
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

  it('a namespace that is none, a buffer that is none, a count that is too large', () => {
    const namespace = 3 as never;
    expect(codeOf(() => MemoryMappedFile.create(uniqueName(), 1, { namespace }))).toBe('INVALID_ARGUMENT');
    const mapping = keep(MemoryMappedFile.create(uniqueName(), 10));
    expect(codeOf(() => mapping.write('x' as never))).toBe('INVALID_ARGUMENT');
    expect(codeOf(() => mapping.write(new Uint8Array(11)))).toBe('INVALID_ARGUMENT');
    expect(codeOf(() => mapping.read(11))).toBe('INVALID_ARGUMENT');
    expect(codeOf(() => mapping.readInto(new Uint8Array(2), 3))).toBe('INVALID_ARGUMENT');
  });
});
