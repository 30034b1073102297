import { existsSync } from 'node:fs';
import { MemoryMappedFile, MmfError, type ValidNamespace, ValidNamespaces } from '@mmfbus/core';
import { describe, expect, it } from 'vitest';
import { mappingName, osNameOf, pathOf } from './os-names.js';
import { Peer } from './peer.js';

const SIZE = 100;
const LOCK_WORD = 4;

/** What Node finds of the size of a native program's mapping: Windows tells whole pages only. */
const foundSize = process.platform === 'win32' ? 4096 - LOCK_WORD : SIZE;

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof MmfError) return error.code;
    throw error;
  }
  return 'no error';
}

/** On Windows a name as given is one of the session, as a local one is. */
function isSamePlace(one: ValidNamespace, other: ValidNamespace): boolean {
  const isGlobal = [one, other].includes(ValidNamespaces.GLOBAL);
  return one === other || (process.platform === 'win32' && !isGlobal);
}

describe.each(Object.entries(ValidNamespaces))('in the namespace %s', (_, namespace) => {
  it('a native program finds what Node made, and both see each byte that the other wrote', async () => {
    const name = mappingName('from-node');
    using mapping = MemoryMappedFile.create(name, SIZE, { namespace });
    const bytes = Uint8Array.from({ length: SIZE }, (__, index) => 255 - index);
    mapping.write(bytes);
    const peer = Peer.native();
    await peer.ask(`open plain ${osNameOf(name, namespace)} ${SIZE + LOCK_WORD}`);
    expect(await peer.ask(`read ${SIZE}`)).toBe(Buffer.from(bytes).toString('hex'));
    await peer.ask('write 0a0b0c');
    expect(mapping.read()).toEqual(Uint8Array.of(10, 11, 12, ...bytes.subarray(3)));
    await peer.exit();
  });

  it('Node finds what a native program made, and its size', async () => {
    const name = mappingName('from-native');
    const peer = Peer.native();
    await peer.ask(`create plain ${osNameOf(name, namespace)} ${SIZE + LOCK_WORD}`);
    await peer.ask('write 0a0b0c');
    using mapping = MemoryMappedFile.open(name, 0, { namespace });
    expect(mapping.size).toBe(foundSize);
    expect(mapping.read(4)).toEqual(Uint8Array.of(10, 11, 12, 0));
    mapping.write(Uint8Array.of(1));
    expect(await peer.ask('read 4')).toBe('010b0c00');
    using part = MemoryMappedFile.open(name, 2, { namespace });
    expect(part.size).toBe(2);
    expect(codeOf(() => MemoryMappedFile.open(name, foundSize + 1, { namespace }))).toBe('SIZE_MISMATCH');
    expect(codeOf(() => MemoryMappedFile.create(name, SIZE, { namespace }))).toBe('EXISTS');
    await peer.exit();
  });

  it('a name is not found in the other namespaces', async () => {
    const name = mappingName('elsewhere');
    using _mapping = MemoryMappedFile.create(name, SIZE, { namespace });
    const peer = Peer.native();
    const elsewhere = Object.values(ValidNamespaces).filter((other) => !isSamePlace(namespace, other));
    for (const other of elsewhere) {
      const answer = await peer.reply(`open plain ${osNameOf(name, other)} ${SIZE + LOCK_WORD}`);
      expect(answer).toMatch(/^error (shm_open|OpenFileMappingA) 2$/);
    }
    await peer.exit();
  });
});

describe('what a native program made', () => {
  it('is still there for it and for others after Node closed it', async () => {
    const name = mappingName('kept');
    const peer = Peer.native();
    await peer.ask(`create plain ${osNameOf(name, ValidNamespaces.LOCAL)} ${SIZE + LOCK_WORD}`);
    using first = MemoryMappedFile.open(name);
    first.write(Uint8Array.of(7));
    first.close();
    expect(await peer.ask('read 1')).toBe('07');
    using second = MemoryMappedFile.open(name);
    expect(second.read(1)).toEqual(Uint8Array.of(7));
    await peer.exit();
  });

  it.runIf(process.platform !== 'win32')(
    'is never removed by Node, also when no process has it open',
    async () => {
      const name = mappingName('unmarked');
      const osName = osNameOf(name, ValidNamespaces.LOCAL);
      const peer = Peer.native();
      await peer.ask(`create plain ${osName} ${SIZE + LOCK_WORD}`);
      await peer.ask('write 07');
      await peer.exit();
      MemoryMappedFile.open(name).close();
      // A creation sweeps what dead processes left.
      MemoryMappedFile.create(mappingName('sweeper'), SIZE).close();
      expect(existsSync(pathOf(osName))).toBe(true);
      expect(codeOf(() => MemoryMappedFile.create(name, SIZE))).toBe('EXISTS');
      using mapping = MemoryMappedFile.open(name);
      expect(mapping.read(1)).toEqual(Uint8Array.of(7));
    },
  );

  it('is refused as long as its creator has not set the lock word up', async () => {
    const name = mappingName('raw');
    const peer = Peer.native();
    await peer.ask(`create plain ${osNameOf(name, ValidNamespaces.LOCAL)} ${SIZE + LOCK_WORD}`);
    await peer.ask('poke 0 000000ff');
    using mapping = MemoryMappedFile.open(name);
    expect(codeOf(() => mapping.read())).toBe('UNINITIALIZED');
    expect(codeOf(() => mapping.write(Uint8Array.of(1)))).toBe('UNINITIALIZED');
    expect(await peer.reply('lock read')).toBe('error refused ff000000');
    await peer.exit();
  });
});
