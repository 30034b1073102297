import { RING_BASE } from './cells.js';
import type { Environment, Machine } from './environment.js';
import { ownerOf, portOf } from './made-up-core.js';
import type { FailedOperation, Value } from './operations.js';
import type { ChannelScenario } from './scenarios.js';
import type { Draft, State, Violation } from './state.js';
import type { Judge, World } from './world.js';

/**
 * What must hold, by the labels that stand in the sources of the channel package, next to the code that sees to it.
 */
export const invariantLabels = [
  'no lost wake-up',
  'no wait for a dead participant',
  'one writer at a time',
  'never taken from a living holder',
  'every message once',
  'sleepers are counted',
  'a slot has one owner',
  'a living port stays',
] as const;

/** One of the {@link invariantLabels}. */
export type InvariantLabel = (typeof invariantLabels)[number];

/** Bytes that a message takes in the ring, and the terminator behind it. */
const FRAME = 32;
const STATE_RELIABLE = 2;
const STATE_DISCONNECTED = 4;

/** Fields of a slot that only its owner writes, while it lives. The process that claimed it is its owner. */
const OWN_FIELDS = /^(?:identityNonce|pid|generation|cursor|state|asleep|sleeps|wants)$/;
const TAKEN_OUT = /^(?:state|asleep)$/;
const COUNTED = /^(?:wants|asleep)$/;
/** What a sleeper may want, by the word of the header that counts those that do. */
const WANTS = { sleepers: 1, roomWaiters: 2, memberWaiters: 4 } as const;
/** What programs note when they have their role. */
const JOINED = /^(?:publishing|subscribed|joined)$/;

/** Checks every step, and what is left when nothing happens any more. */
export class Invariants implements Judge {
  readonly #world: World<Machine>;
  readonly #cells: Environment['cells'];
  readonly #slots: number;
  readonly #lock: number;
  readonly #tail: number;
  readonly #head: number;
  readonly #counters: readonly { readonly name: string; readonly want: number; readonly cell: number }[];
  readonly #closedEpoch: number;
  readonly #capacity: number;

  constructor(world: World<Machine>, { cells }: Environment, { slots, ring }: ChannelScenario) {
    this.#world = world;
    this.#cells = cells;
    this.#slots = slots;
    this.#lock = cells.header('publisherLock');
    this.#tail = cells.header('tail', true);
    this.#head = cells.header('head', true);
    this.#counters = Object.entries(WANTS).map(([name, want]) => ({ name, want, cell: cells.header(name) }));
    this.#closedEpoch = cells.header('closedEpoch');
    this.#capacity = ring;
  }

  failed({ error }: FailedOperation): Violation {
    return { label: 'no unexpected error', text: error };
  }

  beforeRemoval(draft: Draft, process: number, port: number): void {
    const owner = ownerOf(port);
    if (this.#world.isDead(draft, owner)) return;
    draft.violation ??= {
      label: 'a living port stays',
      text: `${this.#name(process)} removes the port of ${this.#name(owner)}`,
    };
  }

  afterWrite(draft: Draft, process: number, cell: number, before: Value, after: Value): void {
    const cells = this.#cells;
    const offset = cells.offsets[cell] as number;
    draft.violation ??=
      (cell === this.#lock ? this.#checkLock(draft, process, before, after) : undefined) ??
      (offset >= RING_BASE || cell === this.#tail || cell === this.#head
        ? this.#checkWriter(draft, process, cell)
        : undefined) ??
      (cell === this.#tail ? this.#checkCommit(draft, Number(before), Number(after)) : undefined) ??
      this.#checkSlot(draft, process, offset, before, after);
    if (
      this.#counters.some((counter) => counter.cell === cell) ||
      COUNTED.test(cells.fieldOf(offset)?.field ?? '')
    ) {
      draft.violation ??= this.#checkCounts(draft);
    }
  }

  /** With nothing left to happen: a living process has done what it came for, and sleepers have no reason to be awake. */
  atRest(state: State): Violation | undefined {
    for (const [process, { operation, notes }] of state.locals.entries()) {
      if (this.#world.isDead(state, process)) continue;
      if (operation?.kind !== 'idle')
        return { label: 'no wait for a dead participant', text: this.#name(process) };
      if (!operation.done) {
        if (this.#isHeldBack(state)) continue;
        return {
          label: 'no wait for a dead participant',
          text: `${this.#name(process)} has not come to its end`,
        };
      }
      if (operation.timers.length > 0) {
        return {
          label: 'no wait for a dead participant',
          text: `${this.#name(process)} looks again and again, for nothing`,
        };
      }
      if (notes.includes('subscribed') && !notes.includes('left')) {
        const problem = this.#checkSubscriber(state, notes);
        if (problem !== undefined) {
          return { label: 'no lost wake-up', text: `${this.#name(process)} sleeps, although ${problem}` };
        }
      }
    }
    return this.#checkPublished(state);
  }

  /** Whether a living subscriber keeps publishers waiting, by not taking what it was given. */
  #isHeldBack(state: State): boolean {
    const cells = this.#cells;
    const overwritten = Number(this.#read(state, this.#tail)) + 2 * FRAME - this.#capacity;
    return state.locals.some((_, slot) => {
      const nonce = this.#read(state, cells.slot(slot, 'nonce', true)) as bigint;
      return (
        nonce !== 0n &&
        !this.#world.isDead(state, ownerOf(portOf(nonce))) &&
        this.#read(state, cells.slot(slot, 'state')) === STATE_RELIABLE &&
        this.#read(state, cells.slot(slot, 'cursor', true)) < overwritten
      );
    });
  }

  #checkLock(draft: Draft, process: number, before: Value, after: Value): Violation | undefined {
    const { holder } = draft;
    draft.holder = after === 0 ? -1 : process;
    if (after === 0) {
      if (holder === process) return undefined;
      return {
        label: 'never taken from a living holder',
        text: `${this.#name(process)} releases the lock that ${this.#name(holder)} holds`,
      };
    }
    if (before === 0 || this.#world.isDead(draft, holder)) return undefined;
    return {
      label: 'never taken from a living holder',
      text: `${this.#name(process)} takes the lock from ${this.#name(holder)}, which lives`,
    };
  }

  #checkWriter({ holder }: Draft, process: number, cell: number): Violation | undefined {
    if (holder === process) return undefined;
    const { names } = this.#cells;
    return {
      label: 'one writer at a time',
      text: `${this.#name(process)} writes ${names[cell]} while ${this.#name(holder)} holds the lock`,
    };
  }

  #checkCommit(draft: Draft, before: number, after: number): Violation | undefined {
    const { committed } = draft;
    const sequence = this.#word(draft, before, 2);
    const next = this.#word(draft, after, 2);
    draft.committed = [...committed, this.#word(draft, before, 6)];
    if (after - before === 32 && sequence === committed.length + 1 && next === sequence + 1) return undefined;
    return {
      label: 'every message once',
      text: `message ${sequence} is committed after ${committed.length}, the tail goes from ${before} to ${after}`,
    };
  }

  #checkSlot(
    draft: Draft,
    process: number,
    offset: number,
    before: Value,
    after: Value,
  ): Violation | undefined {
    const cells = this.#cells;
    const place = cells.fieldOf(offset);
    if (place === undefined) return undefined;
    const { slot, field } = place;
    const nonce = field === 'nonce' ? before : this.#read(draft, cells.slot(slot, 'nonce', true));
    if (nonce === 0n && field === 'nonce') return undefined;
    const owner = ownerOf(portOf(nonce as bigint));
    if (owner === process) return undefined;
    // An owner that is proved dead is reclaimed with the lock held, or its slot is claimed.
    if (this.#world.isDead(draft, owner) && (field === 'nonce' || draft.holder === process)) return undefined;
    if (field !== 'nonce' && !OWN_FIELDS.test(field)) return undefined;
    // The role of the dead is taken out with the lock held, also while another process has claimed the slot and waits for the
    // lock.
    const joins = nonce !== 0n && !draft.locals[owner]?.notes.some((note) => JOINED.test(note));
    if (joins && TAKEN_OUT.test(field) && after === 0 && draft.holder === process) return undefined;
    const reliable = field === 'state' && before === STATE_RELIABLE && after === STATE_DISCONNECTED;
    if (reliable && draft.holder === process) return undefined;
    const whose = nonce === 0n ? 'no process' : this.#name(owner);
    return {
      label: 'a slot has one owner',
      text: `${this.#name(process)} writes ${field} of slot ${slot}, which ${whose} has`,
    };
  }

  #checkCounts(draft: Draft): Violation | undefined {
    const cells = this.#cells;
    const slots = Array.from({ length: this.#slots }, (_, slot) => slot);
    const asleep = slots.filter((slot) => this.#read(draft, cells.slot(slot, 'asleep')) !== 0);
    for (const { name, want, cell } of this.#counters) {
      const wanting = asleep.filter(
        (slot) => (Number(this.#read(draft, cells.slot(slot, 'wants'))) & want) !== 0,
      );
      const counted = Number(this.#read(draft, cell));
      if (counted >= wanting.length) continue;
      return {
        label: 'sleepers are counted',
        text: `${name} is ${counted}, and ${wanting.length} sleep for that`,
      };
    }
    return undefined;
  }

  /** What the subscriber has not heard. It joined before anything was published. */
  #checkSubscriber(state: State, notes: readonly string[]): string | undefined {
    const { committed } = state;
    const missing = committed.findIndex(
      (value, index) =>
        !notes.includes(`received ${index + 1}: ${value}`) && !notes.includes(`missed ${index + 1}`),
    );
    const received = notes.filter((note) => /^(?:received|missed) /.test(note)).length;
    if (missing >= 0) return `message ${missing + 1} is committed and it has not got it`;
    if (received !== committed.length) return `it got ${received} messages of ${committed.length}`;
    const published = state.locals.some((local) => local.notes.includes('publishing'));
    if (
      published &&
      !this.#hasPublisher(state) &&
      notes.filter((note) => note.startsWith('closed ')).length === 0
    ) {
      return `no publisher is left, and it was not told (closedEpoch ${this.#read(state, this.#closedEpoch)})`;
    }
    return undefined;
  }

  #hasPublisher(state: State): boolean {
    return state.locals.some(
      ({ notes }, process) =>
        !this.#world.isDead(state, process) && notes.includes('publishing') && !notes.includes('left'),
    );
  }

  /** Each message that was said to be published is committed, once; one of a dead publisher that had no time to say so, too. */
  #checkPublished(state: State): Violation | undefined {
    for (const [process, { notes }] of state.locals.entries()) {
      const said = notes.filter((note) => note.startsWith('published ')).length;
      const done = state.committed.filter((value) => Math.floor(Number(value) / 100) === process).length;
      const most = said + (this.#world.isDead(state, process) ? 1 : 0);
      if (done >= said && done <= most) continue;
      return {
        label: 'every message once',
        text: `${this.#name(process)} published ${said}, committed are ${done}`,
      };
    }
    return undefined;
  }

  #word(draft: Draft, position: number, word: number): number {
    const offset = RING_BASE + (position & (this.#capacity - 1)) + word * 4;
    return Number(this.#read(draft, this.#cells.at(offset, false)));
  }

  #read({ contents }: State | Draft, cell: number): Value {
    return this.#world.memory.read(contents, cell);
  }

  #name(process: number): string {
    return this.#world.scenario.processes[process]?.name ?? 'no process';
  }
}
