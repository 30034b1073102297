import { readdirSync } from 'node:fs';
import {
  type ChannelMemory,
  callLayout,
  definePattern,
  leaveSoon,
  openChannelMemory,
  openForeignMemory,
  PATTERN_CALLS,
  PATTERN_REPLIES,
  Participant,
  ParticipantTable,
  readLong,
  Sender,
  STATE_PUBLISHER,
  STATE_RELIABLE,
  TAIL_OFFSET,
} from '@mmfbus/channel/internal';
import { type Codec, raw } from '@mmfbus/codec';
import { timers } from '@mmfbus/core/internal';
import type { Random } from '../support/random.js';

const { ENVELOPE_LENGTH, ANSWER_LENGTH } = callLayout;
/** Slot of the owner of an inbox or a mailbox. */
const OWNER = 0;
const NEVER = new AbortController().signal;

/** Kinds of segments that a service has. */
export type SegmentKind = 'service' | 'calls' | 'replies';

/** The names of the segments of a service that there are. */
export function segmentsOf(directory: string, service: string, kind: SegmentKind): string[] {
  const prefix = kind === 'service' ? `${service}~service` : `${service}~${kind}.`;
  if (process.platform === 'win32') return kind === 'service' ? [prefix] : namedSegments(service, kind);
  return readdirSync(directory)
    .filter((file) => file.includes(prefix))
    .map((file) => file.slice(file.indexOf(prefix)));
}

/** Names of segments that were there, also of those whose ids are overwritten by now. */
const known = new Set<string>();

/** The same where segments are no files: the registry has the ids of the inboxes, and these have the ids of the mailboxes. */
function namedSegments(service: string, kind: 'calls' | 'replies'): string[] {
  const prefix = `${service}~${kind}.`;
  const sources = kind === 'calls' ? [`${service}~service`] : namedSegments(service, 'calls');
  for (const id of sources.flatMap(idsIn)) known.add(`${prefix}${id.toString(16).padStart(16, '0')}`);
  for (const name of known) {
    const memory = mapped(name);
    if (memory === undefined) known.delete(name);
    memory?.close();
  }
  return [...known].filter((name) => name.startsWith(prefix));
}

/** The ids that the participants of a segment have written into their slots. */
function idsIn(name: string): bigint[] {
  const memory = mapped(name);
  if (memory === undefined) return [];
  const table = new ParticipantTable(memory);
  const ids = Array.from({ length: table.used() }, (_, slot) => table.detailOf(slot));
  memory.close();
  return ids;
}

/** The memory of a segment; undefined where it is gone, or not whole any more. */
export function mapped(name: string): ChannelMemory | undefined {
  try {
    return openForeignMemory(name, 'user', () => true);
  } catch {
    return undefined;
  }
}

/** Joins an inbox or a mailbox as any process can, and publishes what no client and no server would. */
export async function publishInto(
  name: string,
  kind: 'calls' | 'replies',
  messages: readonly Uint8Array[],
): Promise<number> {
  const definition = definePattern({
    name,
    pattern: kind === 'calls' ? PATTERN_CALLS : PATTERN_REPLIES,
    codec: { ...raw(), id: `mmfbus~${kind}` } as Codec<unknown>,
    capacity: 256 * 1024,
    maxParticipants: kind === 'calls' ? 256 : 64,
    takesAny: true,
  });
  let memory: ChannelMemory;
  try {
    memory = await openChannelMemory(definition, 'open', NEVER);
  } catch {
    // Its owner has left.
    return 0;
  }
  let participant: Participant;
  try {
    participant = await Participant.join(memory, 'intruder', NEVER, (joined) => {
      joined.activate(STATE_PUBLISHER);
      return joined;
    });
  } catch {
    memory.close();
    await memory.closed;
    return 0;
  }
  const limits = { disconnects: false, timestamps: false, maxWaiting: 0 };
  const sender = new Sender(definition as never, participant, limits);
  const published = messages.filter((message) => sender.trySend(message as never) === 'published').length;
  await read(participant);
  sender.close();
  leaveSoon(participant);
  await memory.closed;
  return published;
}

/** Waits until the owner of the segment has read everything, or is gone. */
async function read({ table, memory, slot, generation }: Participant): Promise<void> {
  const { words } = memory;
  const end = readLong(words, TAIL_OFFSET >> 2);
  while (
    table.stateOf(OWNER) === STATE_RELIABLE &&
    table.generationOf(slot) === generation &&
    table.cursorOf(OWNER) < end
  ) {
    await timers.nextTurn();
  }
}

/** An envelope of a call with nonsense in it: any bytes, or a plausible one. */
export function hostileEnvelope(random: Random): Uint8Array {
  const bytes = new Uint8Array(random(3) === 0 ? random(80) : ENVELOPE_LENGTH + random(64));
  for (let index = 0; index < bytes.length; index++) bytes[index] = random(256);
  if (random(4) > 0 && bytes.length >= ENVELOPE_LENGTH) {
    const view = new DataView(bytes.buffer);
    view.setUint8(0, random(6));
    view.setUint16(2, random(8) === 0 ? random(65_536) : random(8), true);
    view.setBigUint64(8, BigInt(random(64)), true);
    view.setBigUint64(32, random(2) === 0 ? 0n : BigInt(random(2 ** 31)), true);
  }
  return bytes;
}

/** An answer that no server gives: of any kind, to calls that may be open. */
export function hostileAnswer(random: Random): Uint8Array {
  const bytes = new Uint8Array(random(4) === 0 ? random(40) : ANSWER_LENGTH + random(64));
  for (let index = 0; index < bytes.length; index++) bytes[index] = random(256);
  if (random(4) > 0 && bytes.length >= ANSWER_LENGTH) {
    const view = new DataView(bytes.buffer);
    view.setUint8(0, random(10));
    view.setUint16(2, random(8) === 0 ? random(65_536) : random(8), true);
    view.setUint32(4, random(3) === 0 ? random(2 ** 31) : random(16), true);
    view.setBigUint64(8, BigInt(random(80)), true);
  }
  return bytes;
}

/** Overwrites so many words of the cells of a mailbox: with any value, or with another state or id. */
export function overwriteCells({ words, geometry }: ChannelMemory, random: Random, times: number): void {
  const first = geometry.regionOffset >> 2;
  for (let count = 0; count < times; count++) {
    // Most calls have the first cells.
    const word = first + random(random(4) === 0 ? 1024 : 12) * 4 + random(4);
    const value = random(2) === 0 ? random(2 ** 32) | 0 : ((words[word] as number) & ~7) | random(8);
    words[word] = value;
  }
}

/** Overwrites the words of a field of 32 or 64 bits in the slots of those that have joined. */
export function overwriteSlots(
  { words }: ChannelMemory,
  random: Random,
  field: { readonly header: number; readonly length: number; readonly offset: number },
  slots: number,
): void {
  const word = (field.header + random(slots) * field.length + field.offset) >> 2;
  words[word] = random(3) === 0 ? random(2 ** 32) | 0 : random(5);
}

/** Overwrites bytes of the contract that an inbox carries. */
export function overwriteContract({ bytes, geometry }: ChannelMemory, random: Random, times: number): void {
  const { regionOffset, ringOffset } = geometry;
  const plain = Buffer.from(
    Array.from({ length: ringOffset - regionOffset }, (_, at) => bytes[regionOffset + at] ?? 0),
  );
  const found = plain.indexOf('{"');
  if (found < 0) return;
  const start = regionOffset + found;
  for (let count = 0; count < times; count++) bytes[start + random(400)] = random(256);
}
