import { existsSync } from 'node:fs';
import { MemoryMappedFile, MmfError, ValidNamespaces } from '@mmfbus/core';
import { describe, expect, it } from 'vitest';
import { mappingName, osNameOf, pathOf } from './os-names.js';
import { Peer } from './peer.js';

const SIZE = 5000;
const LOCK_WORD = 4;
const TOTAL: number = SIZE + LOCK_WORD;
const isPosix = process.platform !== 'win32';
/** Windows keeps a mapping as long as any handle is open, so there every program follows the rule. */
const byRule = isPosix ? 'rule' : 'plain';

/** Whether a process can still find it. */
function isThere(name: string): boolean {
  try {
    MemoryMappedFile.open(name).close();
    return true;
  } catch (error) {
    if (error instanceof MmfError && error.code === 'NOT_FOUND') return false;
    throw error;
  }
}

function local(name: string): string {
  return osNameOf(name, ValidNamespaces.LOCAL);
}

describe('a native program that follows the rule', () => {
  it('keeps what Node made after Node has closed it, and removes it in the end', async () => {
    const name = mappingName('kept');
    const mapping = MemoryMappedFile.create(name, SIZE);
    mapping.write(Uint8Array.of(7));
    const peer = Peer.native();
    await peer.ask(`open ${byRule} ${local(name)} ${TOTAL}`);
    mapping.close();
    using again = MemoryMappedFile.open(name, SIZE);
    expect(again.read(1)).toEqual(Uint8Array.of(7));
    again.close();
    expect(await peer.ask('read 1')).toBe('07');
    await peer.exit();
    expect(isThere(name)).toBe(false);
  });

  it('makes one that Node keeps, and Node removes it in the end', async () => {
    const name = mappingName('made');
    const peer = Peer.native();
    await peer.ask(`create ${byRule} ${local(name)} ${TOTAL}`);
    await peer.ask('write 07');
    const mapping = MemoryMappedFile.open(name);
    if (isPosix) expect(mapping.size).toBe(SIZE);
    await peer.exit();
    expect(isThere(name)).toBe(true);
    expect(mapping.read(1)).toEqual(Uint8Array.of(7));
    mapping.close();
    expect(isThere(name)).toBe(false);
  });

  it('and is killed leaves nothing that a later creation trips over', async () => {
    const name = mappingName('killed');
    const peer = Peer.native();
    await peer.ask(`create ${byRule} ${local(name)} ${TOTAL}`);
    await peer.ask('write 07');
    await peer.ask('lock write');
    await peer.kill();
    using mapping = MemoryMappedFile.create(name, SIZE);
    expect(mapping.read()).toEqual(new Uint8Array(SIZE));
  });

  it('finds the exact size of what Node made, and is refused what exists', async () => {
    const name = mappingName('size');
    using _mapping = MemoryMappedFile.create(name, SIZE);
    const peer = Peer.native();
    if (isPosix) expect(await peer.ask(`open rule ${local(name)} 0`)).toBe(`${TOTAL}`);
    expect(await peer.reply(`create ${byRule} ${local(name)} ${TOTAL}`)).toMatch(
      /^error (create 17|CreateFileMappingA 183)$/,
    );
    await peer.exit();
  });
});

describe.runIf(isPosix)('a native program that does not follow the rule', () => {
  it('does not keep the name, but the memory that it mapped stays its own', async () => {
    const name = mappingName('unlinked');
    const mapping = MemoryMappedFile.create(name, SIZE);
    mapping.write(Uint8Array.of(7));
    const peer = Peer.native();
    await peer.ask(`open plain ${local(name)} ${TOTAL}`);
    mapping.close();
    expect(existsSync(pathOf(local(name)))).toBe(false);
    using next = MemoryMappedFile.create(name, SIZE);
    await peer.ask('write 0808');
    expect(await peer.ask('read 3')).toBe('080800');
    expect(await peer.ask(`peek ${TOTAL - 4} 4`)).toBe('00000000');
    expect(next.read()).toEqual(new Uint8Array(SIZE));
    await peer.exit();
  });
});
