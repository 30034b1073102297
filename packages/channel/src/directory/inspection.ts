import { copyOut, type Liveness, type PortAddress, removePort, timers } from '@mmfbus/core/internal';
import { serviceOf } from '../format/definition.js';
import * as header from '../format/header-layout.js';
import * as slotLayout from '../format/participant-layout.js';
import { PATTERN_REGISTRY } from '../format/patterns.js';
import { monotonicNow } from '../foundation/clock.js';
import { ChannelError } from '../foundation/errors.js';
import { showableText } from '../foundation/text.js';
import { type ChannelMemory, openForeignMemory, readEncoding } from '../membership/channel-memory.js';
import { readCounters } from '../membership/counters.js';
import { namedPorts } from '../membership/named-ports.js';
import { ParticipantTable } from '../membership/participant-table.js';
import { RingReader } from '../ring/ring-reader.js';
import type { ChannelInfo, End, ParticipantInfo } from './channel-info.js';
import { belongsTo, type DirectoryPlace } from './directory-place.js';
import { isTurnSpent } from './turns.js';

type RoleInfo = Pick<ParticipantInfo, 'role' | 'delivery' | 'connected'>;

const ROLES: Partial<Record<number, RoleInfo>> = {
  [slotLayout.STATE_PUBLISHER]: { role: 'publisher', delivery: undefined, connected: true },
  [slotLayout.STATE_RELIABLE]: { role: 'subscriber', delivery: 'reliable', connected: true },
  [slotLayout.STATE_LOSSY]: { role: 'subscriber', delivery: 'lossy', connected: true },
  [slotLayout.STATE_DISCONNECTED]: { role: 'subscriber', delivery: 'reliable', connected: false },
};

/** Asks whether the owner of a port lives. */
export type Probe = (address: PortAddress) => Liveness;

/** A participant, and where its owner is to be asked for. */
export interface Seat {
  readonly participant: ParticipantInfo;
  readonly address: PortAddress;
  /** Of its slot. */
  readonly generation: number;
}

/** What was found in a channel's memory. */
export interface Inspection {
  readonly info: ChannelInfo;
  /** The participants that are not proved dead, each by a key that no other participant of the channel ever has. */
  readonly living: ReadonlyMap<string, Seat>;
  /** How a participant ended that had that seat in this life of the channel, and is not among the living. */
  readonly endOf: (key: string, seat: Seat) => End;
}

/** A probe that asks about each port once. What it says of a living participant is soon stale. */
export function rememberingProbe(probe: Probe): Probe {
  const known = new Map<bigint, Liveness>();
  return (address) => {
    const liveness = known.get(address.nonce) ?? probe(address);
    known.set(address.nonce, liveness);
    return liveness;
  };
}

/** What {@link ParticipantInfo.alive} says of an owner. */
export function aliveIf(liveness: Liveness): ParticipantInfo['alive'] {
  return liveness === 'unknown' ? liveness : liveness === 'alive';
}

/**
 * Looks into a channel's memory without joining. Gives the event loop its turns meanwhile.
 *
 * @returns undefined when such a channel of the directory has no participant.
 * @throws {@link ChannelError} `NOT_A_CHANNEL`, `VERSION_MISMATCH` or `CORRUPTED`; `MmfError` when the operating system
 * refuses; the signal's reason when it aborts.
 */
export async function inspectChannel(
  name: string,
  place: DirectoryPlace,
  probe: Probe,
  signal: AbortSignal,
): Promise<Inspection | undefined> {
  const memory = openMemory(name, place);
  if (memory === undefined) return undefined;
  let leftBehind: readonly PortAddress[] = [];
  try {
    const seats = new Seats(memory, probe);
    while (seats.look()) if (isTurnSpent()) await timers.nextTurn({ signal });
    if (seats.living > 0) return seats.inspect();
    leftBehind = seats.dead;
  } finally {
    memory.close(leftBehind.length > 0);
  }
  for (const address of leftBehind) void removePort(address, namedPorts);
  return undefined;
}

/**
 * Whether the channel has a participant that is not proved dead. At once: for callers that hold a lock, or end. What the dead
 * have left is removed.
 *
 * @throws as {@link inspectChannel} does.
 */
export function isOccupied(name: string, place: DirectoryPlace, probe: Probe): boolean {
  const memory = openMemory(name, place);
  if (memory === undefined) return false;
  let leftBehind: readonly PortAddress[] = [];
  try {
    const seats = new Seats(memory, probe);
    while (seats.living === 0 && seats.look());
    if (seats.living > 0) return true;
    leftBehind = seats.dead;
  } finally {
    memory.close(leftBehind.length > 0);
  }
  for (const address of leftBehind) void removePort(address, namedPorts);
  return false;
}

/**
 * Whether all participants of a channel are proved dead: what is there is a leftover. Not so where it has none, as one in the making.
 *
 * @param memory may be mapped for reading only.
 */
export function isLeftBehind(memory: ChannelMemory, probe: Probe): boolean {
  const table = new ParticipantTable(memory);
  let dead = 0;
  for (let slot = 0; slot < table.used(); slot++) {
    const address = table.addressOf(slot);
    if (address === undefined) continue;
    if (probe(address) !== 'dead') return false;
    dead++;
  }
  return dead > 0;
}

/**
 * Looks at memory that this process has not joined, at once.
 *
 * @param memory may be mapped for reading only.
 * @throws {@link ChannelError} `CORRUPTED`.
 */
export function inspectMemory(memory: ChannelMemory, probe: Probe): ChannelInfo {
  const seats = new Seats(memory, probe);
  while (seats.look());
  return seats.inspect().info;
}

/** An entry of the directory is a hint: a channel that lets in other users than it does is not one of its channels. */
function openMemory(name: string, place: DirectoryPlace): ChannelMemory | undefined {
  return openForeignMemory(name, place.scope, (access) => belongsTo(place, access));
}

/** The table of participants as a process sees it that has no slot in it. */
class Seats {
  /**
   * The ports of slots whose owners are proved dead. Where only they are left, only the process that looks can remove the memory;
   * a channel without any is one in the making.
   */
  readonly dead: PortAddress[] = [];
  /** How many belong to any other participant, also while they have no role yet. */
  living = 0;
  readonly #memory: ChannelMemory;
  readonly #table: ParticipantTable;
  readonly #tail: number;
  readonly #published: number;
  readonly #probe: Probe;
  readonly #seats: (Seat & { readonly key: string })[] = [];
  /** The next slot to look at. */
  #next = 0;

  constructor(memory: ChannelMemory, probe: Probe) {
    this.#memory = memory;
    this.#probe = probe;
    this.#table = new ParticipantTable(memory);
    const reader = new RingReader(memory);
    if (reader.seekTail() === 'corrupted') throw new ChannelError('CORRUPTED', memory.name, reader.problem);
    this.#tail = reader.position;
    this.#published = reader.sequence - 1;
  }

  /** Looks at the next slot; false when there is none. */
  look(): boolean {
    if (this.#next >= this.#table.used()) return false;
    this.#look(this.#next++);
    return true;
  }

  inspect(): Inspection {
    const { name, geometry, incarnation } = this.#memory;
    return {
      info: {
        name,
        service: this.#service,
        incarnation,
        size: geometry.ringOffset + geometry.ringCapacity,
        capacity: geometry.ringCapacity,
        codec: this.#text(header.CODEC_OFFSET, header.CODEC_LENGTH),
        schema: readEncoding(this.#memory).schema,
        history: geometry.history,
        maxMessage: geometry.maxMessage,
        createdAt: this.#number(header.CREATED_AT_OFFSET),
        published: this.#published,
        maxParticipants: geometry.participantCount,
        participants: this.#seats.map(({ participant }) => participant),
      },
      living: new Map(
        this.#seats.filter(({ participant }) => participant.alive !== false).map((seat) => [seat.key, seat]),
      ),
      endOf: this.#ends(),
    };
  }

  /** Loads the ends after the seats: a participant stores how it ends before it gives up its role. */
  #ends(): Inspection['endOf'] {
    const dead = new Set(
      this.#seats.filter(({ participant }) => participant.alive === false).map(({ key }) => key),
    );
    const ends = Array.from({ length: this.#table.used() }, (_, slot) => this.#table.lastEndOf(slot));
    return (key, { participant, generation }) => {
      const last = ends[participant.slot];
      if (last?.generation === generation) return last.how;
      return dead.has(key) ? 'died' : 'unknown';
    };
  }

  #look(slot: number): void {
    const address = this.#table.addressOf(slot);
    if (address === undefined) return;
    const liveness = this.#probe(address);
    if (liveness === 'dead') this.dead.push(address);
    else this.living++;
    const state = this.#table.stateOf(slot);
    const role = ROLES[state];
    // It is about to join, or to leave.
    if (role === undefined) return;
    const offset = header.HEADER_LENGTH + slot * slotLayout.PARTICIPANT_LENGTH;
    const participant: ParticipantInfo = {
      slot,
      ...role,
      pid: address.pid,
      name: this.#text(offset + slotLayout.NAME_OFFSET, slotLayout.NAME_LENGTH),
      alive: aliveIf(liveness),
      joinedAt: Math.round(
        Date.now() - (monotonicNow() - this.#number(offset + slotLayout.JOINED_AT_OFFSET)) / 1e6,
      ),
      lag: state === slotLayout.STATE_PUBLISHER ? undefined : this.#lagOf(slot),
      counters: readCounters(this.#memory, slot),
    };
    const generation = this.#table.generationOf(slot);
    const key = `${slot}:${generation}:${address.nonce}`;
    // What was read may be of two owners when the slot changed hands meanwhile; the new one is seen next time.
    if (this.#table.isOwnedBy(slot, address.nonce))
      this.#seats.push({ key, participant, address, generation });
  }

  /** The cursor may have moved on since the tail was read, and may be nonsense: it is never behind by more than a ring. */
  #lagOf(slot: number): number {
    const lag = this.#tail - this.#table.cursorOf(slot);
    return Math.min(Math.max(lag, 0), this.#memory.geometry.ringCapacity);
  }

  get #service(): string | undefined {
    const { name, words } = this.#memory;
    return words[header.PATTERN_OFFSET >> 2] === PATTERN_REGISTRY ? serviceOf(name) : undefined;
  }

  #number(offset: number): number {
    return Number(BigInt.asUintN(64, this.#memory.longs[offset >> 3] as bigint));
  }

  #text(offset: number, length: number): string {
    return showableText(copyOut(this.#memory.bytes, offset, offset + length));
  }
}
