import type { Message } from '@mmfbus/channel';
import {
  type ChannelDefinition,
  STATE_PUBLISHER,
  STATE_RELIABLE,
  WANTS_FRAMES,
} from '@mmfbus/channel/internal';
import type { Codec } from '@mmfbus/codec';
import { allocateWordBytes } from '@mmfbus/codec/internal';
import { type SegmentMemory, SLOTS } from './segments.js';
import { type PortUser, Side } from './side.js';

const WANTS_ROOM = 2;
const STATE_NONE = 0;
/** Bytes of the longest message. */
const LONGEST = 256;

/** Functions that are called one after the other. */
class Listeners<A extends readonly unknown[]> {
  readonly #listeners: ((...args: A) => void)[] = [];

  add(listener: (...args: A) => void): void {
    this.#listeners.push(listener);
  }

  call(...args: A): void {
    for (const listener of this.#listeners) listener(...args);
  }
}

/** The slots of a segment. Who an owner is does not change as long as it is one. */
class Table {
  readonly count: number = SLOTS;
  readonly #side: Side;
  readonly #place: string;

  constructor(side: Side, place: string) {
    this.#side = side;
    this.#place = place;
  }

  at(slot: number, field: string): string {
    return `${this.#place} slot ${slot} ${field}`;
  }

  used(): number {
    return SLOTS;
  }

  stateOf(slot: number): number {
    return this.#side.load(this.at(slot, 'state'));
  }

  phaseOf(slot: number): number {
    return this.#side.load(this.at(slot, 'phase'));
  }

  nonceOf(slot: number): number {
    return this.#side.load(this.at(slot, 'nonce'));
  }

  isOwnedBy(slot: number, nonce: bigint): boolean {
    return this.nonceOf(slot) === Number(nonce);
  }

  addressOf(slot: number): { readonly nonce: bigint; readonly pid: number } | undefined {
    const nonce = this.nonceOf(slot);
    return nonce === 0 ? undefined : { nonce: BigInt(nonce), pid: Side.processOf(nonce) + 1 };
  }

  generationOf(slot: number): number {
    return this.#side.loadFixed(this.at(slot, 'generation'));
  }

  detailOf(slot: number): bigint {
    return BigInt(this.#side.loadFixed(this.at(slot, 'detail')));
  }

  nameOf(): string {
    return '';
  }

  /** How much a server has to do is a hint: here all have the same. */
  doneOf(): number {
    return 0;
  }

  storeDone(): void {}

  storeDetail(slot: number, detail: bigint): void {
    this.#side.store(this.at(slot, 'detail'), Number(detail));
  }

  storePhase(slot: number, phase: number): void {
    this.#side.store(this.at(slot, 'phase'), phase);
  }
}

/** A place in a segment. */
export class Participant implements PortUser {
  readonly memory: SegmentMemory;
  readonly table: Table;
  readonly slot: number;
  readonly generation: number;
  readonly nonce: number;
  readonly rung: Listeners<[]> = new Listeners();
  readonly ending: Listeners<[]> = new Listeners();
  readonly lifeEnded: Listeners<[nonce: bigint]> = new Listeners();
  readonly namesRemoved: Listeners<[error: unknown]> = new Listeners();
  readonly port = { ref() {}, unref() {} };
  /** The bits of what it sleeps for. */
  wants = 0;
  isOpen = true;
  /** Nonces of the owners that are watched over, by their slots. */
  readonly watched = new Map<number, number>();
  readonly #watches = new Map<number, () => void>();
  readonly #side: Side;
  #rings: (() => void)[] = [];

  private constructor(memory: SegmentMemory) {
    const { side } = memory;
    this.#side = side;
    this.memory = memory;
    this.table = new Table(side, memory.place);
    const { table } = this;
    this.nonce = side.join(this);
    let slot = 0;
    while (table.nonceOf(slot) !== 0) slot++;
    if (slot >= SLOTS) throw new Error(`${memory.place} has too few slots`);
    this.slot = slot;
    this.generation = table.generationOf(slot) + 1;
    side.store(table.at(slot, 'nonce'), this.nonce);
    side.store(table.at(slot, 'generation'), this.generation);
  }

  /** The lock is held all that time: it is one step. */
  static async join<R>(
    memory: SegmentMemory,
    _name: string,
    signal: AbortSignal,
    takeRole: (participant: Participant) => R,
  ): Promise<R> {
    signal.throwIfAborted();
    const { side } = memory;
    let participant: Participant | undefined;
    try {
      const joined = side.together(() => {
        participant = new Participant(memory);
        return takeRole(participant);
      });
      participant?.ringAfterwards();
      return joined;
    } catch (error) {
      participant?.leave();
      throw error;
    }
  }

  /** What a server does with the lock held is one step; nothing of others comes in between. */
  readonly lock = {
    acquire: async (): Promise<void> => this.#side.beginTogether(),
    release: (): void => {
      this.#side.endTogether();
      this.ringAfterwards();
    },
    isHeld: () => false,
    takeOver: () => false,
  };

  readonly roles = {
    epoch: (): number => this.#side.load(`${this.memory.place} epoch`),
    tellOfChange: (): void => {
      this.#raiseEpoch();
      this.#rings.push(() => this.ringAll(WANTS_FRAMES));
    },
  };

  readonly sleep = {
    isFor: (want: number): boolean => (this.wants & want) !== 0,
    begin: (want: number): void => this.#sleepFor(this.wants | want),
    end: (want: number): void => {
      if ((this.wants & want) !== 0) this.#sleepFor(this.wants & ~want);
    },
  };

  get side(): Side {
    return this.#side;
  }

  onRing(): void {
    if (this.isOpen) this.rung.call();
  }

  activate(state: number): void {
    this.#side.store(this.table.at(this.slot, 'state'), state);
    this.roles.tellOfChange();
  }

  ringAfterwards(): void {
    for (const ring of this.#rings.splice(0)) ring();
  }

  /** Rings the others that sleep for that. */
  ringAll(want: number): void {
    for (let slot = 0; slot < SLOTS; slot++) if (slot !== this.slot) this.#ringIfAsleep(slot, want);
  }

  ringSleeper(slot: number): void {
    this.#ringIfAsleep(slot, WANTS_FRAMES);
  }

  ringAnyway(slot: number): void {
    const nonce = this.#side.loadFixed(this.table.at(slot, 'nonce'));
    if (nonce !== 0) this.#side.ring(nonce);
  }

  /** Watches over all with that state, and no longer over those whose slots have changed hands. */
  watchOver(state: number): void {
    this.#side.together(() => {
      for (let slot = 0; slot < SLOTS; slot++) {
        if (slot === this.slot) continue;
        const nonce = this.table.stateOf(slot) === state ? this.table.nonceOf(slot) : 0;
        if ((this.watched.get(slot) ?? 0) === nonce) continue;
        this.#watches.get(slot)?.();
        this.#watches.delete(slot);
        this.watched.delete(slot);
        if (nonce === 0) continue;
        this.watched.set(slot, nonce);
        this.#watches.set(
          slot,
          this.#side.watch(nonce, () => this.#onDeath(slot, nonce)),
        );
      }
    });
  }

  leave(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.memory.close();
    for (const stop of this.#watches.values()) stop();
    try {
      this.#freeSlot(this.slot, this.nonce);
      this.#side.leave(this);
    } catch (error) {
      // The process is not run any further than here.
      this.#side.run.fail(error);
      this.memory.closed = new Promise(() => {});
    }
  }

  #onDeath(slot: number, nonce: number): void {
    if (!this.isOpen) return;
    this.lifeEnded.call(BigInt(nonce));
    this.#freeSlot(slot, nonce);
    this.rung.call();
  }

  /** Its role goes first, so that all that are rung see that. */
  #freeSlot(slot: number, nonce: number): void {
    const { table } = this;
    const isTheirs = this.#side.together(() => {
      if (table.nonceOf(slot) !== nonce) return false;
      this.#side.store(table.at(slot, 'state'), STATE_NONE);
      this.#side.store(table.at(slot, 'asleep'), 0);
      this.#raiseEpoch();
      return true;
    });
    if (!isTheirs) return;
    this.ringAll(WANTS_FRAMES);
    this.#side.access('compareExchange', table.at(slot, 'nonce'), 0, nonce);
  }

  #raiseEpoch(): void {
    this.#side.add(`${this.memory.place} epoch`, 1);
  }

  #sleepFor(wants: number): void {
    this.wants = wants;
    this.#side.store(this.table.at(this.slot, 'asleep'), wants);
  }

  #ringIfAsleep(slot: number, want: number): void {
    if ((this.#side.load(this.table.at(slot, 'asleep')) & want) !== 0) this.ringAnyway(slot);
  }
}

/** What a subscriber knows of the publishers of its segment. */
export class PublisherWatch {
  epoch: number;
  readonly #participant: Participant;
  readonly publishers = new Map<number, number>();
  joined: { readonly slot: number }[] = [];

  constructor(participant: Participant) {
    this.#participant = participant;
    this.epoch = participant.roles.epoch();
    this.#lookAtSlots();
  }

  hasNews(): boolean {
    return this.#participant.roles.epoch() !== this.epoch;
  }

  look(): boolean {
    return this.#participant.side.together(() => {
      const epoch = this.#participant.roles.epoch();
      if (epoch === this.epoch) return false;
      this.epoch = epoch;
      this.#lookAtSlots();
      return true;
    });
  }

  takeJoined(): readonly { readonly slot: number }[] {
    return this.joined.splice(0);
  }

  takeLeft(): void {}

  takeGone(): void {}

  #lookAtSlots(): void {
    this.#participant.watchOver(STATE_PUBLISHER);
    for (const [slot, nonce] of this.#participant.watched) {
      if (this.publishers.get(slot) === nonce) continue;
      this.publishers.set(slot, nonce);
      this.joined.push({ slot });
    }
  }
}

interface ReceiverHooks {
  joined(publisher: { readonly slot: number }): void;
}

/** A reliable subscriber that always reads: rings are never full here. */
export class Receiver<T> {
  readonly hasRoom = false;
  position: number;
  readonly #side: Side;
  readonly #participant: Participant;
  readonly #codec: Codec<T>;
  readonly #hooks: ReceiverHooks;
  readonly watch: PublisherWatch;

  constructor(
    { codec }: ChannelDefinition<T>,
    participant: Participant,
    _options: unknown,
    hooks: ReceiverHooks,
  ) {
    this.#side = participant.side;
    this.#participant = participant;
    this.#codec = codec as Codec<T>;
    this.#hooks = hooks;
    this.position = this.committed();
    participant.activate(STATE_RELIABLE);
    this.watch = new PublisherWatch(participant);
  }

  get handled(): number {
    return this.position;
  }

  get isAsleep(): boolean {
    return this.#participant.sleep.isFor(WANTS_FRAMES);
  }

  committed(): number {
    return this.#side.load(this.#at('tail'));
  }

  take(deliver: (message: Message<T>) => boolean, limit: number): number {
    if (!this.#participant.isOpen) return 0;
    this.#lookForPublishers();
    let taken = 0;
    while (taken < limit && this.#participant.isOpen && this.committed() > this.position) {
      const { publisher, bytes } = this.#side.messages.at(
        this.#side.loadFixed(this.#at(`message ${this.position++}`)),
      );
      // Its publisher had joined by then, even one that came after the look above.
      this.#lookForPublishers();
      taken++;
      const value = this.#codec.decode(bytes, 0, bytes.length);
      deliver({ value, publisher, sequence: this.position, timestamp: 0 } as Message<T>);
    }
    return taken;
  }

  ignoreLeft(): void {}

  lookFor(): boolean {
    return false;
  }

  fallAsleep(): 'asleep' | 'news' {
    this.#participant.sleep.begin(WANTS_FRAMES);
    if (this.committed() === this.position && !this.watch.hasNews()) return 'asleep';
    this.wakeUp();
    return 'news';
  }

  wakeUp(): void {
    this.#participant.sleep.end(WANTS_FRAMES);
  }

  recover(): void {}

  leave(): void {
    this.#participant.leave();
  }

  #lookForPublishers(): void {
    if (!this.watch.look()) return;
    for (const joined of this.watch.takeJoined()) this.#hooks.joined(joined);
  }

  #at(field: string): string {
    return `${this.#participant.memory.place} ${field}`;
  }
}

interface Appended {
  readonly payload: Uint8Array;
  readonly bytes: number;
  isAllowed?(): boolean;
}

/** A publisher. What it does with the lock held before it rings is one step. */
export class Sender<T> {
  readonly waiting = 0;
  isClosed = false;
  readonly #side: Side;
  readonly #participant: Participant;
  readonly #codec: Codec<T>;

  constructor({ codec }: ChannelDefinition<T>, participant: Participant) {
    this.#side = participant.side;
    this.#participant = participant;
    this.#codec = codec as Codec<T>;
  }

  trySend(value: T): 'published' | 'refused' {
    const payload = allocateWordBytes(LONGEST);
    return this.tryAppend({ payload, bytes: this.#codec.encode(value, payload, 0) });
  }

  tryAppend(append: Appended): 'published' | 'refused' {
    if (this.isClosed || !this.#participant.memory.isMapped) throw new Error('the publisher is closed');
    const { place } = this.#participant.memory;
    const isAllowed = this.#side.together(() => {
      const tail = this.#side.load(`${place} tail`);
      if (append.isAllowed?.() === false) return false;
      const bytes = append.payload.subarray(0, append.bytes);
      const number = this.#side.messages.numberOf(this.#participant.slot, bytes);
      this.#side.store(`${place} message ${tail}`, number);
      this.#side.store(`${place} tail`, tail + 1);
      return true;
    });
    if (!isAllowed) return 'refused';
    this.#participant.ringAll(WANTS_FRAMES);
    return 'published';
  }

  awaitRoom(): void {
    this.#participant.sleep.begin(WANTS_ROOM);
  }

  forgetRoom(): void {
    this.#participant.sleep.end(WANTS_ROOM);
  }

  async settle(): Promise<void> {}

  close(): void {
    this.isClosed = true;
  }
}
