import { existsSync } from 'node:fs';
import { MemoryMappedFile, ValidNamespaces } from '@mmfbus/core';
import { describe, expect, it } from 'vitest';
import { mappingName, osNameOf, pathOf } from './os-names.js';
import { Peer } from './peer.js';

const LOCK_WORD = 4;
const DATA = 10;
/** The counter, and where the racers meet. */
const COUNTED = LOCK_WORD + 8;
const WRITTEN = '0102fdfeff';

const others = { Node: () => Peer.node(), 'a native program': () => Peer.native() };

describe.runIf(process.platform !== 'win32')('mappings of the header for C', () => {
  it('are those of Node, in each program that makes them', async () => {
    const made = mappingName('by-node');
    using mapping = MemoryMappedFile.create(made, DATA);
    mapping.write(Buffer.from(WRITTEN, 'hex'));
    const peer = Peer.header();
    const osName = osNameOf(made, ValidNamespaces.LOCAL);
    expect(await peer.ask(`open rule ${osName} 0`)).toBe(`${DATA + LOCK_WORD}`);
    expect(await peer.ask(`read ${WRITTEN.length / 2}`)).toBe(WRITTEN);
    await peer.ask('write 7f');
    expect(mapping.read(1)).toEqual(Uint8Array.of(0x7f));
    expect(await peer.reply(`create rule ${osName} ${DATA}`)).toMatch(/^error there is one of that name/);

    const other = mappingName('by-c');
    await peer.ask(`create rule ${osNameOf(other, ValidNamespaces.LOCAL)} ${DATA + LOCK_WORD}`);
    await peer.ask(`write ${WRITTEN}`);
    using opened = MemoryMappedFile.open(other);
    expect(Buffer.from(opened.read(WRITTEN.length / 2)).toString('hex')).toBe(WRITTEN);
    await peer.exit();
  });

  it('go with the last who has them open, and what the dead have left is made anew', async () => {
    const osName = osNameOf(mappingName('gone'), ValidNamespaces.LOCAL);
    const peers = [Peer.header(), Peer.header()] as const;
    await peers[0].ask(`create rule ${osName} ${DATA}`);
    await peers[1].ask(`open rule ${osName} 0`);
    await peers[0].exit();
    expect(existsSync(pathOf(osName))).toBe(true);
    await peers[1].kill();
    expect(existsSync(pathOf(osName))).toBe(true);
    const late = Peer.header();
    await late.ask(`create rule ${osName} ${2 * DATA}`);
    expect(await late.ask('read 1')).toBe('00');
    await late.exit();
    expect(existsSync(pathOf(osName))).toBe(false);
  });

  it('have the lock of every other program', async () => {
    const osName = osNameOf(mappingName('lock'), ValidNamespaces.LOCAL);
    const [header, native] = [Peer.header(), Peer.native()];
    await header.ask(`create rule ${osName} ${DATA + LOCK_WORD}`);
    await native.ask(`open rule ${osName} ${DATA + LOCK_WORD}`);
    for (const [holder, other] of [
      [header, native],
      [native, header],
    ] as const) {
      await holder.ask('lock read');
      await other.ask('lock read');
      expect(await other.ask('word')).toBe('00000002');
      expect(await other.reply('lock write')).toBe('error refused 00000002');
      await other.ask('unlock read');
      await holder.ask('unlock read');
      await holder.ask('lock write');
      expect(await other.reply('read 1')).toBe('error refused 80000000');
      expect(await other.reply('unlock read')).toBe('error refused 80000000');
      await holder.ask('unlock write');
      expect(await other.ask('word')).toBe('00000000');
    }
    await header.exit();
    await native.exit();
  });

  it.each(['Node', 'a native program'] as const)('lose no addition in a race with %s', async (who) => {
    const TIMES = 300_000;
    const osName = osNameOf(mappingName('count'), ValidNamespaces.LOCAL);
    const [header, other] = [Peer.header(), others[who]()];
    await header.ask(`create rule ${osName} ${COUNTED}`);
    await other.ask(`open rule ${osName} ${COUNTED}`);
    await Promise.all([header, other].map((peer) => peer.ask(`count ${TIMES} 2`)));
    for (const peer of [header, other]) {
      expect(Buffer.from(await peer.ask('read 4'), 'hex').readUInt32LE()).toBe(2 * TIMES);
      await peer.exit();
    }
  });
});
