import { readFileSync } from 'node:fs';
import { MemoryMappedFile, ValidNamespaces } from '@mmfbus/core';
import { openSegment } from '@mmfbus/core/internal';
import { describe, expect, it } from 'vitest';
import { rawMemory } from '../support/raw-memory.js';
import { mappingName, osNameOf, pathOf } from './os-names.js';
import { Peer } from './peer.js';

const SIZE = 10;
const LOCK_WORD = 4;
const PAGE = 4096;
const WRITTEN = Uint8Array.of(1, 2, 3, 0xfe, 0xff);
/** The lock word, what was written, and zeros up to the size. */
const GOLDEN = '00000000 010203feff 0000000000'.replaceAll(' ', '');

async function peerOf(name: string, command = 'open'): Promise<Peer> {
  const peer = Peer.native();
  await peer.ask(`${command} plain ${osNameOf(name, ValidNamespaces.LOCAL)} ${SIZE + LOCK_WORD}`);
  return peer;
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

describe('the bytes in memory', () => {
  it('are the lock word, the data and zeros where Node made them', async () => {
    const name = mappingName('golden');
    using mapping = MemoryMappedFile.create(name, SIZE);
    mapping.write(WRITTEN);
    const peer = await peerOf(name);
    expect(await peer.ask(`peek 0 ${SIZE + LOCK_WORD}`)).toBe(GOLDEN);
    // A write does not touch what lies behind it.
    mapping.write(Uint8Array.of(9));
    expect(await peer.ask(`peek 0 ${SIZE + LOCK_WORD}`)).toBe(GOLDEN.replace('0102', '0902'));
    await peer.exit();
  });

  it('are the same where a native program made them', async () => {
    const name = mappingName('golden');
    const peer = await peerOf(name, 'create');
    await peer.ask(`write ${hexOf(WRITTEN)}`);
    const segment = openSegment({ name, disposition: 'open', size: 0, existingSize: SIZE + LOCK_WORD });
    expect(hexOf(new Uint8Array(rawMemory(segment.memory), 0, segment.size))).toBe(GOLDEN);
    segment.close();
    await peer.exit();
  });

  it.runIf(process.platform !== 'win32')(
    'are followed by zeros and by the mark, in a page of its own',
    () => {
      const name = mappingName('mark');
      using mapping = MemoryMappedFile.create(name, SIZE);
      mapping.write(WRITTEN);
      const file = readFileSync(pathOf(osNameOf(name, ValidNamespaces.LOCAL)));
      expect(file.length).toBe(2 * PAGE);
      const mark = `6d6d666275730001 0e00000000000000 ${'00'.repeat(48)}`.replaceAll(' ', '');
      expect(file.toString('hex')).toBe(GOLDEN + '00'.repeat(2 * PAGE - (SIZE + LOCK_WORD) - 64) + mark);
    },
  );

  it.runIf(process.platform !== 'win32')(
    'of the mark are the same where a native program writes it',
    async () => {
      const [ofNode, ofPeer] = [mappingName('mark'), mappingName('mark')];
      using _mapping = MemoryMappedFile.create(ofNode, PAGE);
      const peer = Peer.native();
      const osName = osNameOf(ofPeer, ValidNamespaces.LOCAL);
      await peer.ask(`create rule ${osName} ${PAGE + LOCK_WORD}`);
      const expected = readFileSync(pathOf(osNameOf(ofNode, ValidNamespaces.LOCAL)));
      expect(expected.length).toBe(3 * PAGE);
      expect(readFileSync(pathOf(osName)).equals(expected)).toBe(true);
      await peer.exit();
    },
  );
});

describe('the lock word', () => {
  it('counts the readers that Node has, and bears its writer', async () => {
    const name = mappingName('word');
    using mapping = MemoryMappedFile.create(name, SIZE);
    using other = MemoryMappedFile.openReadOnly(name);
    const peer = await peerOf(name);
    expect(await peer.ask('word')).toBe('00000000');
    mapping.lock.tryAcquire('read');
    expect(await peer.ask('word')).toBe('00000001');
    other.lock.tryAcquire('read');
    expect(await peer.ask('word')).toBe('00000002');
    expect(await peer.reply('lock write')).toBe('error refused 00000002');
    await peer.ask('lock read');
    expect(await peer.ask('word')).toBe('00000003');
    mapping.lock.release('read');
    other.lock.release('read');
    await peer.ask('unlock read');
    mapping.lock.tryAcquire('write');
    expect(await peer.ask('word')).toBe('80000000');
    expect(await peer.reply('lock read')).toBe('error refused 80000000');
    expect(await peer.reply('lock write')).toBe('error refused 80000000');
    mapping.lock.release('write');
    expect(await peer.ask('word')).toBe('00000000');
    await peer.exit();
  });

  it('of a native program means the same to Node', async () => {
    const name = mappingName('word');
    const peer = await peerOf(name, 'create');
    using mapping = MemoryMappedFile.open(name, SIZE);
    await peer.ask('lock read');
    expect(mapping.lock.describe()).toBe('lock word 0x00000001, held by 1 reader(s)');
    expect(mapping.lock.tryAcquire('write')).toBe('READ_LOCKED');
    expect(mapping.lock.tryAcquire('read')).toBe('acquired');
    mapping.lock.release('read');
    await peer.ask('unlock read');
    await peer.ask('lock write');
    expect(mapping.lock.describe()).toBe('lock word 0x80000000, held by a writer');
    expect(mapping.lock.tryAcquire('write')).toBe('WRITE_LOCKED');
    expect(mapping.lock.tryAcquire('read')).toBe('WRITE_LOCKED');
    await peer.ask('unlock write');
    // Bits 24 to 30 are spare: both sides take and release around them, as long as not the whole byte is set.
    await peer.ask('poke 0 0000005a');
    expect(mapping.lock.tryAcquire('write')).toBe('acquired');
    expect(await peer.ask('word')).toBe('da000000');
    mapping.lock.release('write');
    await peer.ask('lock write');
    await peer.ask('unlock write');
    expect(await peer.ask('word')).toBe('5a000000');
    await peer.ask('poke 0 ffffff00');
    expect(mapping.lock.tryAcquire('read')).toBe('MAX_READERS');
    expect(await peer.reply('lock read')).toBe('error refused 00ffffff');
    await peer.exit();
  });
});
