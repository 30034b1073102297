import { STATE_DISCONNECTED } from '../format/participant-layout.js';
import type { ParticipantTable } from './participant-table.js';

/** A participant that has a role in the channel. */
export interface Member {
  readonly slot: number;
  readonly generation: number;
  readonly state: number;
  /** The name it gave itself, or ''. Control characters are shown as escapes. */
  readonly name: string;
  /** Process id in its own PID namespace; 0 while it is not known. */
  readonly pid: number;
}

/** How a participant ended: `unknown` where another one has had its slot since, and has ended as well. */
export type MemberEnd = 'left' | 'died' | 'disconnected' | 'unknown';

/** A participant that has its role no more. */
export interface FormerMember extends Member {
  readonly end: MemberEnd;
}

/** What has changed between two looks. */
export interface RosterChanges {
  readonly joined: readonly Member[];
  readonly left: readonly FormerMember[];
}

const NO_CHANGES: RosterChanges = { joined: [], left: [] };

/** Who had one of some roles when it was last looked. Who came and went between two looks is not seen. */
export class Roster {
  readonly #table: ParticipantTable;
  readonly #states: readonly number[];
  #members = new Map<number, Member>();

  constructor(table: ParticipantTable, states: readonly number[]) {
    this.#table = table;
    this.#states = states;
    this.look();
  }

  /** How many there were. */
  get count(): number {
    return this.#members.size;
  }

  /** Looks again: after the epoch was loaded, so that a change which comes later raises it again. */
  look(): RosterChanges {
    const before = this.#members;
    const now = new Map<number, Member>();
    const joined: Member[] = [];
    const used = this.#table.used();
    for (let slot = 0; slot < used; slot++) {
      const known = before.get(slot);
      const member = this.#look(slot, known);
      if (member === undefined) continue;
      now.set(slot, member);
      if (member !== known) joined.push(member);
    }
    this.#members = now;
    const left: FormerMember[] = [];
    for (const member of before.values()) {
      if (now.get(member.slot) !== member) left.push({ ...member, end: this.#endOf(member) });
    }
    return joined.length + left.length === 0 ? NO_CHANGES : { joined, left };
  }

  /** The one that is known, where it is the same. */
  #look(slot: number, known: Member | undefined): Member | undefined {
    const table = this.#table;
    const state = table.stateOf(slot);
    if (!this.#states.includes(state)) return undefined;
    const generation = table.generationOf(slot);
    if (known?.generation === generation && known.state === state) return known;
    const member = {
      slot,
      generation,
      state,
      name: table.nameOf(slot),
      pid: table.addressOf(slot)?.pid ?? 0,
    };
    // Another one may have taken the slot meanwhile, which raises the epoch when it takes a role.
    return table.generationOf(slot) === generation ? member : undefined;
  }

  #endOf({ slot, generation }: Member): MemberEnd {
    const last = this.#table.lastEndOf(slot);
    if (last?.generation === generation) return last.how;
    const isThere = this.#table.generationOf(slot) === generation;
    return isThere && this.#table.stateOf(slot) === STATE_DISCONNECTED ? 'disconnected' : 'unknown';
  }
}
