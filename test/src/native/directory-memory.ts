import type { ValidNamespace } from '@mmfbus/core';
import { openSegment, type Segment } from '@mmfbus/core/internal';
import { afterEach } from 'vitest';
import { rawMemory } from '../support/raw-memory.js';

/** From FORMAT.md. */
export const DIRECTORY_NAME = 'mmfbus~directory';
export const PARTICIPANTS = 512;
export const SLOT_NAME_LENGTH = 48;
const RING_OFFSET = 24;
const PARTICIPANT_COUNT = 44;
const PARTICIPANT_LENGTH = 256;
const NONCE = 0;
const SLOT_NAME = 192;
const ENTRY_LENGTH = 192;
const ENTRY_NAME = 64;
const ENTRY_NAME_LENGTH = 128;

const segments: Segment[] = [];

afterEach(() => {
  for (const segment of segments.splice(0)) segment.close();
});

/** The memory of a directory that is there, until the end of the test. */
export function openDirectory(name: string = DIRECTORY_NAME, namespace?: ValidNamespace): DataView {
  const segment = openSegment({ name, namespace, disposition: 'open', size: 0 });
  segments.push(segment);
  return new DataView(rawMemory(segment.memory));
}

function textAt(view: DataView, offset: number, length: number): string {
  return Buffer.from(view.buffer, offset, length).toString('utf8').replace(/\0+$/, '');
}

/** The names of the participants of the directory. */
export function participantsOf(view: DataView): string[] {
  const slots = Array.from(
    { length: view.getUint32(PARTICIPANT_COUNT, true) },
    (_, slot) => PARTICIPANTS + slot * PARTICIPANT_LENGTH,
  );
  const taken = slots.filter((slot) => view.getBigInt64(slot + NONCE, true) !== 0n);
  return taken.map((slot) => textAt(view, slot + SLOT_NAME, SLOT_NAME_LENGTH));
}

/** Offsets of the entries. */
export function entriesOf(view: DataView): number[] {
  const start = PARTICIPANTS + view.getUint32(PARTICIPANT_COUNT, true) * PARTICIPANT_LENGTH;
  const count = Math.floor((view.getUint32(RING_OFFSET, true) - start) / ENTRY_LENGTH);
  return Array.from({ length: count }, (_, index) => start + index * ENTRY_LENGTH);
}

/** The channels that are listed, sorted. */
export function channelsOf(view: DataView): string[] {
  const listed = entriesOf(view).filter((entry) => (view.getUint32(entry, true) & 1) === 1);
  return listed.map((entry) => textAt(view, entry + ENTRY_NAME, ENTRY_NAME_LENGTH)).sort();
}

/** Makes an entry name a channel, as if it had been listed. */
export function writeEntry(view: DataView, entry: number, channel: string): void {
  const name = new Uint8Array(view.buffer, entry + ENTRY_NAME, ENTRY_NAME_LENGTH);
  name.fill(0);
  name.set(Buffer.from(channel));
  view.setUint32(entry, 1, true);
}
