import { copyOut, type Liveness, type PortAddress, removePort, type ValidNamespace } from '@mmfbus/core';
import { type ChannelMemory, openForeignMemory } from '../channel-memory.js';
import { now } from '../clock.js';
import { ChannelError } from '../errors.js';
import * as header from '../layout/header-layout.js';
import * as slotLayout from '../layout/participant-layout.js';
import { readCounters } from '../participants/counters.js';
import { namesPort } from '../participants/named-ports.js';
import { ParticipantTable } from '../participants/participant-table.js';
import { RingReader } from '../ring/ring-reader.js';
import type { ChannelInfo, ParticipantInfo, ParticipantRole } from './channel-info.js';
import { showableText } from './text.js';

const ROLES: Partial<Record<number, ParticipantRole>> = {
  [slotLayout.STATE_PUBLISHER]: 'publisher',
  [slotLayout.STATE_RELIABLE]: 'reliable',
  [slotLayout.STATE_LOSSY]: 'lossy',
  [slotLayout.STATE_DISCONNECTED]: 'disconnected',
};

/** Asks whether the owner of a port lives. */
export type Probe = (address: PortAddress) => Liveness;

/** What was found in a channel's memory. */
export interface Inspection {
  readonly info: ChannelInfo;
  /** The participants that are not proved dead, each by a key that no other participant of the channel ever has. */
  readonly living: ReadonlyMap<string, ParticipantInfo>;
}

/** A probe that asks about each port once. What it says of the living is soon stale. */
export function rememberingProbe(probe: Probe): Probe {
  const known = new Map<bigint, Liveness>();
  return (address) => {
    const liveness = known.get(address.nonce) ?? probe(address);
    known.set(address.nonce, liveness);
    return liveness;
  };
}

/**
 * Looks into a channel's memory without taking part.
 *
 * @returns undefined when nobody takes part in such a channel.
 * @throws {@link ChannelError} `NOT_A_CHANNEL`, `VERSION_MISMATCH` or `CORRUPTED`; `MmfError` when the operating system
 * refuses.
 */
export function inspectChannel(
  name: string,
  namespace: ValidNamespace,
  probe: Probe,
): Inspection | undefined {
  const memory = openForeignMemory(name, namespace);
  if (memory === undefined) return undefined;
  let leftBehind: readonly PortAddress[] = [];
  try {
    const seats = new Seats(memory, probe);
    if (seats.living > 0) return seats.inspect();
    // Where only the dead are left, nobody but us can remove the memory; a channel without any is one in the making.
    leftBehind = seats.dead;
    return undefined;
  } finally {
    memory.close(leftBehind.length > 0);
    for (const address of leftBehind) removePort(address, namesPort);
  }
}

/** The table of participants as somebody sees it who has no slot in it. */
class Seats {
  /** The ports of slots whose owners are proved dead. */
  readonly dead: PortAddress[] = [];
  /** How many belong to anybody else, also while they have no role yet. */
  living = 0;
  readonly #memory: ChannelMemory;
  readonly #table: ParticipantTable;
  readonly #tail: number;
  readonly #published: number;
  readonly #participants: { readonly key: string; readonly info: ParticipantInfo }[] = [];

  constructor(memory: ChannelMemory, probe: Probe) {
    this.#memory = memory;
    this.#table = new ParticipantTable(memory);
    const reader = new RingReader(memory);
    if (reader.seekTail() === 'corrupted') throw new ChannelError('CORRUPTED', memory.name, reader.problem);
    this.#tail = reader.position;
    this.#published = reader.sequence - 1;
    const used = this.#table.used();
    for (let slot = 0; slot < used; slot++) this.#look(slot, probe);
  }

  inspect(): Inspection {
    const { name, geometry } = this.#memory;
    return {
      info: {
        name,
        capacity: geometry.ringCapacity,
        codec: this.#text(header.CODEC_OFFSET, header.CODEC_LENGTH),
        history: geometry.history,
        maxMessage: geometry.maxMessage,
        createdAt: this.#number(header.CREATED_AT_OFFSET),
        published: this.#published,
        maxParticipants: geometry.participantCount,
        participants: this.#participants.map(({ info }) => info),
      },
      living: new Map(
        this.#participants.filter(({ info }) => info.alive !== false).map(({ key, info }) => [key, info]),
      ),
    };
  }

  #look(slot: number, probe: Probe): void {
    const address = this.#table.addressOf(slot);
    if (address === undefined) return;
    const liveness = probe(address);
    if (liveness === 'dead') this.dead.push(address);
    else this.living++;
    const state = this.#table.stateOf(slot);
    const role = ROLES[state];
    // It is about to join, or to leave.
    if (role === undefined) return;
    const offset = header.HEADER_LENGTH + slot * slotLayout.PARTICIPANT_LENGTH;
    const info: ParticipantInfo = {
      slot,
      role,
      pid: address.pid,
      name: this.#text(offset + slotLayout.NAME_OFFSET, slotLayout.NAME_LENGTH),
      alive: liveness === 'unknown' ? liveness : liveness === 'alive',
      joinedAt: Math.round(Date.now() - (now() - this.#number(offset + slotLayout.JOINED_AT_OFFSET)) / 1e6),
      lag: state === slotLayout.STATE_PUBLISHER ? undefined : this.#lagOf(slot),
      counters: readCounters(this.#memory, slot),
    };
    const key = `${slot}:${this.#table.generationOf(slot)}:${address.nonce}`;
    // What was read may be of two owners when the slot changed hands meanwhile; the new one is seen next time.
    if (this.#table.addressOf(slot)?.nonce === address.nonce) this.#participants.push({ key, info });
  }

  /** The cursor may have moved on since the tail was read, and may be nonsense: it is never behind by more than a ring. */
  #lagOf(slot: number): number {
    const lag = this.#tail - this.#table.cursorOf(slot);
    return Math.min(Math.max(lag, 0), this.#memory.geometry.ringCapacity);
  }

  #number(offset: number): number {
    return Number(BigInt.asUintN(64, this.#memory.longs[offset >> 3] as bigint));
  }

  #text(offset: number, length: number): string {
    return showableText(copyOut(this.#memory.bytes, offset, offset + length));
  }
}
