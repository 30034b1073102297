import { describe, expect, it } from 'vitest';
import { ENTRY_LENGTH, NAME_OFFSET, STATE_OFFSET } from '../format/directory-layout.js';
import { HEADER_LENGTH } from '../format/header-layout.js';
import { PARTICIPANT_LENGTH } from '../format/participant-layout.js';
import type { ChannelMemory } from '../membership/channel-memory.js';
import { DirectoryEntries } from './directory-entries.js';

const PARTICIPANTS = 2;
const START = HEADER_LENGTH + PARTICIPANTS * PARTICIPANT_LENGTH;

/** A region for that many entries, and half an entry more. */
function regionFor(count: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(START + (count + 0.5) * ENTRY_LENGTH);
}

/** The entries of a region, which several may share. */
function entriesIn(bytes: Uint8Array<ArrayBuffer>): DirectoryEntries {
  const memory = {
    geometry: { regionOffset: START, ringOffset: bytes.length },
    words: new Int32Array(bytes.buffer),
    bytes,
  };
  return new DirectoryEntries(memory as unknown as ChannelMemory);
}

function stateAt(bytes: Uint8Array<ArrayBuffer>, index: number): number {
  return new DataView(bytes.buffer).getUint32(START + index * ENTRY_LENGTH + STATE_OFFSET, true);
}

describe('the entries of a directory', () => {
  it('hold as many names as there is room for whole entries, each once', () => {
    const entries = entriesIn(regionFor(3));
    expect(entries.count).toBe(3);
    expect(['a', 'b', 'a', 'c', 'd', 'c'].map((name) => entries.add(name))).toEqual([
      'added',
      'added',
      'listed',
      'added',
      'full',
      'listed',
    ]);
    expect(entries.names()).toEqual(['a', 'b', 'c']);
  });

  it('are used again after a name was removed, with nothing of the old name left', () => {
    const bytes = regionFor(1);
    const entries = entriesIn(bytes);
    const longest = 'x'.repeat(128);
    entries.add(longest);
    expect(entries.names()).toEqual([longest]);
    expect([entries.remove('x'), entries.remove(longest), entries.remove(longest)]).toEqual([
      false,
      true,
      false,
    ]);
    expect(entries.names()).toEqual([]);
    entries.add('y');
    expect(entries.names()).toEqual(['y']);
    expect(stateAt(bytes, 0)).toBe(3);
  });

  it('that were never committed are free', () => {
    const bytes = regionFor(1);
    bytes.set(Buffer.from('half a na'), START + NAME_OFFSET);
    const entries = entriesIn(bytes);
    expect(entries.names()).toEqual([]);
    expect(entries.add('whole')).toBe('added');
    expect(entries.names()).toEqual(['whole']);
  });

  it('with names that no channel can have count for nothing, and are used again', () => {
    const bytes = regionFor(3);
    const entries = entriesIn(bytes);
    for (const name of ['a', 'b', 'c']) entries.add(name);
    const nameAt = (index: number) => START + index * ENTRY_LENGTH + NAME_OFFSET;
    bytes.set(Buffer.from('../\x1b'), nameAt(0));
    bytes.fill(0, nameAt(1), nameAt(1) + 1);
    bytes.set(Buffer.from('c\0c'), nameAt(2));
    expect(entries.names()).toEqual([]);
    expect(['d', 'e', 'f', 'g'].map((name) => entries.add(name))).toEqual([
      'added',
      'added',
      'added',
      'full',
    ]);
    expect(entries.names()).toEqual(['d', 'e', 'f']);
  });

  it('that say the same name are one, and are removed together', () => {
    const bytes = regionFor(2);
    const entries = entriesIn(bytes);
    entries.add('a');
    bytes.copyWithin(START + ENTRY_LENGTH, START, START + ENTRY_LENGTH);
    expect(entries.names()).toEqual(['a']);
    entries.remove('a');
    expect(entries.names()).toEqual([]);
  });

  it('go on where the number of changes is used up', () => {
    const bytes = regionFor(1);
    new DataView(bytes.buffer).setUint32(START + STATE_OFFSET, 0xffff_fffe, true);
    const entries = entriesIn(bytes);
    entries.add('a');
    expect(entries.names()).toEqual(['a']);
    entries.remove('a');
    expect(stateAt(bytes, 0)).toBe(0);
  });
});
