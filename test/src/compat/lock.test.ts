import { awaitAcquire, MemoryMappedFile, ValidNamespaces } from '@mmfbus/core';
import { describe, expect, it } from 'vitest';
import { mappingName, osNameOf } from './os-names.js';
import { Peer } from './peer.js';

const LOCK_WORD = 4;

describe('Node and a native program, against each other', () => {
  const TIMES = 1_000_000;
  /** The counter, and where the two meet. */
  const SIZE = LOCK_WORD + 8;

  it.each(['Node', 'the native program'])(
    'take the lock a million times each, and no addition is lost; created by %s',
    async (creator) => {
      const name = mappingName('count');
      const [node, native] = [Peer.node(), Peer.native()];
      const [first, second] = creator === 'Node' ? [node, native] : [native, node];
      expect(await first.ask(`create plain ${name} ${SIZE}`)).toBe(`${SIZE}`);
      await second.ask(`open plain ${name} ${SIZE}`);
      await Promise.all([node, native].map((peer) => peer.ask(`count ${TIMES} 2`)));
      for (const peer of [node, native]) {
        const counter = Buffer.from(await peer.ask('read 4'), 'hex').readUInt32LE();
        expect(counter).toBe(2 * TIMES);
        await peer.exit();
      }
    },
  );
});

describe('a native program that is killed with the lock', () => {
  it.each([
    ['write', 'read', 'lock word 0x80000000, held by a writer'],
    ['read', 'write', 'lock word 0x00000001, held by 1 reader(s)'],
  ] as const)('for %s leaves it held: Node says so, and can break it', async (held, wanted, state) => {
    const name = mappingName('killed');
    using mapping = MemoryMappedFile.create(name, 10);
    const peer = Peer.native();
    await peer.ask(`open plain ${osNameOf(name, ValidNamespaces.LOCAL)} ${10 + LOCK_WORD}`);
    await peer.ask('write 07');
    await peer.ask(`lock ${held}`);
    await peer.kill();

    const gaveUp = expect.objectContaining({ code: 'TIMEOUT', message: expect.stringContaining(state) });
    const act = () => (wanted === 'read' ? mapping.read(1) : mapping.write(Uint8Array.of(7)));
    expect(act).toThrow(gaveUp);
    await expect(awaitAcquire(mapping.lock, wanted, { timeout: 5 })).rejects.toEqual(gaveUp);

    mapping.lock.breakLock();
    expect(mapping.lock.describe()).toBe('lock word 0x00000000, free');
    act();
    expect(mapping.read(1)).toEqual(Uint8Array.of(7));
  });
});
