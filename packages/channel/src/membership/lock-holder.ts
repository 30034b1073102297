import { PUBLISHER_LOCK_OFFSET } from '../format/header-layout.js';
import { SLOT_BITS } from '../format/participant-layout.js';
import type { ChannelMemory } from './channel-memory.js';
import { ParticipantTable } from './participant-table.js';

/** Who holds the publisher lock now, for an error that says what was waited for. */
export function describeLockHolder(memory: ChannelMemory): string {
  if (memory.words.length === 0) return 'it is being left';
  const word = Atomics.load(memory.words, PUBLISHER_LOCK_OFFSET >> 2);
  if (word === 0) return 'the publisher lock is free, and others were faster';
  const slot = word & (2 ** SLOT_BITS - 1);
  const table = new ParticipantTable(memory);
  const pid = slot < table.count ? table.addressOf(slot)?.pid : undefined;
  const who = pid === undefined || pid === 0 ? 'of an unknown process' : `of process ${pid}`;
  return `the publisher lock is held by slot ${slot}, ${who}`;
}
