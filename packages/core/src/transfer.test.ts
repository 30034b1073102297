import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemoryMappedFile } from './memory-mapped-file.js';
import type { SharedMemory } from './shared-memory.js';

let folder: string;
let names = 0;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mmfbus-test-transfer-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

function uniqueName(): string {
  return `mmfbus-test-${process.pid}-transfer-${++names}`;
}

function pattern(length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, index) => index * 7 + (index >> 8)));
}

describe('between a mapping and a file', () => {
  it('the data goes out and comes in, with progress', async () => {
    const data = pattern(2 ** 20 + 77);
    using mapping = MemoryMappedFile.create(uniqueName(), data.length);
    mapping.write(data);
    const path = join(folder, 'dump');
    const progress: number[] = [];
    await mapping.dumpTo(path, { onProgress: (done, total) => progress.push(done, total) });
    expect(readFileSync(path).equals(data)).toBe(true);
    expect(progress).toEqual([2 ** 20, data.length, data.length, data.length]);
    using copy = await MemoryMappedFile.fromFile(path, uniqueName());
    expect(data.equals(copy.read())).toBe(true);
    expect([mapping, copy].map(({ lock }) => lock.describe())).toEqual(
      Array(2).fill('lock word 0x00000000, free'),
    );
  });

  it('waits for the lock, and gives up when told', async () => {
    using mapping = MemoryMappedFile.create(uniqueName(), 10);
    mapping.lock.tryAcquire('write');
    const path = join(folder, 'dump');
    await expect(mapping.dumpTo(path, { timeout: 1 })).rejects.toMatchObject({ code: 'TIMEOUT' });
    await expect(mapping.dumpTo(path, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow(
      'enough',
    );
    expect(existsSync(path)).toBe(false);
  });

  it('leaves the old file, and no other, when it is aborted', async () => {
    using mapping = MemoryMappedFile.create(uniqueName(), 3 * 2 ** 20);
    const path = join(folder, 'dump');
    writeFileSync(path, 'old');
    const abort = new AbortController();
    const onProgress = () => abort.abort(new Error('enough'));
    await expect(mapping.dumpTo(path, { signal: abort.signal, onProgress })).rejects.toThrow('enough');
    expect(readdirSync(folder)).toEqual(['dump']);
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(mapping.lock.describe()).toMatch(/free/);
  });

  it('leaves no mapping when it is aborted, or there is nothing to read', async () => {
    const path = join(folder, 'source');
    writeFileSync(path, pattern(3 * 2 ** 20));
    const name = uniqueName();
    const abort = new AbortController();
    const onProgress = () => abort.abort(new Error('enough'));
    const reading = MemoryMappedFile.fromFile(path, name, { signal: abort.signal, onProgress });
    await expect(reading).rejects.toThrow('enough');
    expect(() => MemoryMappedFile.open(name)).toThrow(/no /);
    await expect(MemoryMappedFile.fromFile(join(folder, 'none'), name)).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
    writeFileSync(path, '');
    await expect(MemoryMappedFile.fromFile(path, name)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('leaves the old file when the mapping is closed at once', async () => {
    const mapping = MemoryMappedFile.create(uniqueName(), 10);
    const path = join(folder, 'dump');
    writeFileSync(path, 'old');
    const dumping = mapping.dumpTo(path);
    mapping.close();
    await expect(dumping).rejects.toMatchObject({ code: 'CLOSED' });
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(readdirSync(folder)).toEqual(['dump']);
  });

  it.each([
    ['NOT_FOUND', 'none/dump'],
    ['NOT_FOUND', 'file/dump'],
    // Windows does not tell a name that is too long from one that is not there.
    [process.platform === 'win32' ? 'NOT_FOUND' : 'INVALID_NAME', 'n'.repeat(300)],
    ['INVALID_NAME', 'a\0b'],
    ['INVALID_NAME', 7],
  ])('fails with %s for %j', async (code, file) => {
    using mapping = MemoryMappedFile.create(uniqueName(), 10);
    writeFileSync(join(folder, 'file'), '');
    const path = typeof file === 'string' ? join(folder, file) : (file as never);
    await expect(mapping.dumpTo(path)).rejects.toMatchObject({ name: 'MmfError', code });
    await expect(MemoryMappedFile.fromFile(path, uniqueName())).rejects.toMatchObject({
      name: 'MmfError',
      code,
    });
    expect(readdirSync(folder)).toEqual(['file']);
  });

  it('leaves no mapping when the file becomes shorter while it is read', async () => {
    const path = join(folder, 'file');
    const name = uniqueName();
    writeFileSync(path, pattern(3 * 2 ** 20));
    const onProgress = (done: number) => truncateSync(path, done + 100);
    await expect(MemoryMappedFile.fromFile(path, name, { onProgress })).rejects.toMatchObject({
      code: 'SIZE_MISMATCH',
      message: expect.stringContaining(`ended at ${2 ** 20 + 100} bytes while it was read`),
    });
    expect(() => MemoryMappedFile.open(name)).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
  });

  it('does not read what is no regular file', async () => {
    await expect(MemoryMappedFile.fromFile(folder, uniqueName())).rejects.toMatchObject({
      code: 'ACCESS_DENIED',
    });
  });

  it('fails when the mapping is closed meanwhile', async () => {
    const mapping = MemoryMappedFile.create(uniqueName(), 3 * 2 ** 20);
    const dumping = mapping.dumpTo(join(folder, 'dump'), { onProgress: () => mapping.close() });
    await expect(dumping).rejects.toMatchObject({ code: 'CLOSED' });
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('a mapping of a file', () => {
  it('keeps its data in the file', () => {
    const path = join(folder, 'backing');
    const first = MemoryMappedFile.openFile(path, 5000);
    first.write(Buffer.from('hello'));
    first.flush();
    const bytes = readFileSync(path);
    expect([bytes.length, bytes.subarray(0, 10).toString('latin1')]).toEqual([5004, '\0\0\0\0hello\0']);
    first.close();
    first.close();
    using second = MemoryMappedFile.openFile(path);
    expect([second.size, Buffer.from(second.read(5)).toString()]).toEqual([5000, 'hello']);
    using larger = MemoryMappedFile.openFile(path, 6000);
    expect([larger.size, Buffer.from(larger.read(5)).toString(), larger.read()[5999]]).toEqual([
      6000,
      'hello',
      0,
    ]);
    larger.write(Buffer.from('J'));
    expect(Buffer.from(second.read(5)).toString()).toBe('Jello');
  });

  it('is read-only where asked for', () => {
    const path = join(folder, 'backing');
    MemoryMappedFile.openFile(path, 10).close();
    using mapping = MemoryMappedFile.openFile(path, 0, { readOnly: true });
    expect(mapping.read()).toEqual(new Uint8Array(10));
    expect(() => mapping.write(Uint8Array.of(1))).toThrow(expect.objectContaining({ code: 'READ_ONLY' }));
    mapping.flush();
  });

  it.each([
    ['NOT_FOUND', 'none', 0, false],
    ['NOT_FOUND', 'none', 0, true],
    ['SIZE_MISMATCH', 'empty', 0, false],
    ['SIZE_MISMATCH', 'short', 0, false],
    ['SIZE_MISMATCH', 'short', 10, true],
    ['INVALID_ARGUMENT', 'short', 1.5, false],
    ['INVALID_NAME', '\0', 1, false],
  ] as const)('throws %s for %j with size %d, read-only %s', (code, file, size, readOnly) => {
    writeFileSync(join(folder, 'empty'), '');
    writeFileSync(join(folder, 'short'), 'four');
    const open = () => MemoryMappedFile.openFile(join(folder, file), size, { readOnly });
    expect(open).toThrow(expect.objectContaining({ code }));
  });
});

describe('a larger mapping of the same data', () => {
  it('begins with the data and goes on with zeros, and leaves the old one alone', () => {
    using old = MemoryMappedFile.create(uniqueName(), 4);
    old.write(Uint8Array.of(1, 2, 3, 4));
    using larger = old.resize(uniqueName(), 6);
    expect(larger.read()).toEqual(Uint8Array.of(1, 2, 3, 4, 0, 0));
    larger.write(Uint8Array.of(9));
    expect(old.read()).toEqual(Uint8Array.of(1, 2, 3, 4));
    expect(() => old.resize(uniqueName(), 4)).toThrow(/from 5 to/);
    expect(() => old.resize(old.name, 9)).toThrow(expect.objectContaining({ code: 'EXISTS' }));
  });

  it('is not made while the lock is not available', () => {
    using old = MemoryMappedFile.create(uniqueName(), 4);
    old.lock.tryAcquire('write');
    const name = uniqueName();
    expect(() => old.resize(name, 6)).toThrow(expect.objectContaining({ code: 'TIMEOUT' }));
    expect(() => MemoryMappedFile.open(name)).toThrow(/no /);
  });
});

describe('a view', () => {
  it('is the memory itself, and empty after close', () => {
    const mapping = MemoryMappedFile.create(uniqueName(), 100);
    const view = mapping.view(10, 5);
    view.set([1, 2, 3, 4, 5]);
    expect(mapping.read(16).subarray(9)).toEqual(Uint8Array.of(0, 1, 2, 3, 4, 5, 0));
    expect(mapping.view().length).toBe(100);
    expect(mapping.view(100).length).toBe(0);
    const doubles = new Float64Array(view.buffer, mapping.view(4).byteOffset, 2);
    doubles[0] = 1.5;
    expect(new DataView(mapping.read().buffer).getFloat64(4, true)).toBe(1.5);
    mapping.close();
    expect([view.length, view[0], doubles.length]).toEqual([0, undefined, 0]);
    expect(() => mapping.view()).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  });

  it('stays inside, and is not given of what is read-only', () => {
    const name = uniqueName();
    using mapping = MemoryMappedFile.create(name, 100);
    for (const [offset, length] of [
      [101, 0],
      [0, 101],
      [-1, 1],
      [1.5, 1],
    ] as const) {
      expect(() => mapping.view(offset, length)).toThrow(
        expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
      );
    }
    using reader = MemoryMappedFile.openReadOnly(name);
    expect(() => reader.view()).toThrow(expect.objectContaining({ code: 'READ_ONLY' }));
    expect(reader.readUnlocked(3)).toEqual(new Uint8Array(3));
  });
});

describe('another lock', () => {
  it('guards the data instead of winmmf’s', () => {
    const name = uniqueName();
    const calls: string[] = [];
    const lock = (_memory: SharedMemory, created: boolean) => {
      calls.push(created ? 'set up' : 'attached');
      return {
        tryAcquire: (kind: string) => {
          calls.push(`take ${kind}`);
          return 'acquired' as const;
        },
        release: (kind: string) => void calls.push(`release ${kind}`),
        breakLock: () => {},
        describe: () => 'mine',
      };
    };
    using mapping = MemoryMappedFile.create(name, 10, { lock });
    mapping.write(Uint8Array.of(1));
    mapping.read();
    expect(calls).toEqual(['set up', 'attached', 'take write', 'release write', 'take read', 'release read']);
  });
});

describe('large pages', () => {
  it('are used, or refused with what is missing', () => {
    const name = uniqueName();
    try {
      using mapping = MemoryMappedFile.create(name, 4 * 2 ** 20, { largePages: true });
      mapping.write(Uint8Array.of(1));
      expect(mapping.read(1)).toEqual(Uint8Array.of(1));
    } catch (error) {
      expect(error).toMatchObject({ code: expect.stringMatching(/^(UNSUPPORTED|ACCESS_DENIED|NO_SPACE)$/) });
      expect((error as Error).message).toMatch(
        /large pages for .*(huge=never|does not have|has none|are free)/,
      );
    }
    expect(() => MemoryMappedFile.open(name)).toThrow(/no /);
  });
});
