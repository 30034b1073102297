import { type WordFunctions, wordFunctionsOf } from '@mmfbus/codec/internal';
import type { ChannelDefinition } from '../format/definition.js';
import { EPOCH_OFFSET, ROOM_WAITERS_OFFSET } from '../format/header-layout.js';
import type { Origin } from '../format/origin.js';
import { STATE_LOSSY, STATE_RELIABLE, WANTS_FRAMES } from '../format/participant-layout.js';
import { diagnostics, type ParticipantDiagnostics } from '../foundation/diagnostics.js';
import { ChannelError } from '../foundation/errors.js';
import { atStep } from '../foundation/steps.js';
import type { Participant } from '../membership/participant.js';
import { RingReader } from '../ring/ring-reader.js';
import type { Gap, Message, PublisherJoined, PublisherLeft, PublishersGone, Slow } from './delivery.js';
import type { Position } from './position.js';
import { PublisherWatch } from './publisher-watch.js';
import { beginningOf, type Start } from './start.js';

/** Messages may gather while less than this part of the ring is in use. */
const GATHERED_PART = 16;
/** A subscriber tells others how far it is after at most this many bytes, and this part of the ring. */
const CURSOR_STEP = 32 * 1024;
const CURSOR_STEP_PART = 16;
/**
 * So many messages at once are a flood: what was committed meanwhile is left for the next time, so that the subscriber does not read next
 * to where publishers write.
 */
export const FLOOD = 16;
const ROOM_WAITERS = ROOM_WAITERS_OFFSET >> 2;
const EPOCH = EPOCH_OFFSET >> 2;
/** More messages than a run has. */
const MANY = 2 ** 30;
const NO_PUBLISHERS: readonly never[] = [];

/** How a receiver receives. */
export interface ReceiverOptions {
  readonly delivery: 'reliable' | 'lossy';
  /** Where it begins; by default with the history of the channel, where it has one, else with the next message. */
  readonly start: Start | undefined;
  /** Part of the ring behind which it is slow. */
  readonly slowThreshold: number;
}

/** What a receiver tells beside messages: while it takes some, each in the order of the numbers. */
export interface ReceiverHooks {
  gap(gap: Gap): void;
  /** A publisher has joined. */
  joined(publisher: PublisherJoined): void;
  slow(slow: Slow): void;
  /** Throws the error on when it has no listener. */
  error(error: ChannelError): void;
  /** The subscription cannot go on. */
  end(reason: 'disconnected' | 'corrupted'): void;
}

/** Takes a message; returns whether to go on. */
export type Deliver<T> = (message: Message<T>) => boolean;

/** A subscriber's part in the protocol: it takes messages when asked, and sleeps when told. */
export class Receiver<T> {
  readonly #definition: ChannelDefinition<T>;
  readonly #decode: WordFunctions<T>['decode'];
  readonly #participant: Participant;
  readonly #hooks: ReceiverHooks;
  readonly #reader: RingReader;
  readonly #publishers: PublisherWatch;
  readonly #reliable: boolean;
  /** Position where it began. */
  readonly #start: number;
  /** Bytes behind which it is slow, and whether it was said. */
  readonly #slowFrom: number;
  #saidSlow = false;
  /** What was gone already where it was to begin; told with the first messages. */
  #goneAtStart: Gap | undefined;
  /** Position up to which the program has handled everything: what it has in hand is behind that. */
  #handled = 0;
  #handledSequence = 0;
  /** Whether what it has in hand is a message of a run other than the first: the reader knows where that begins. */
  #isInRun = false;
  /** Whether the program wants no more messages for now. */
  #hasEnough = false;
  /** What others were told of that, and from how many bytes on they are told again. */
  #cursor = 0;
  readonly #cursorStep: number;
  /** Messages and bytes that were taken and not yet counted in shared memory. */
  #taken = 0;
  #takenBytes = 0;
  /** Whether publishers may be gone since it last looked. */
  #mayForget = false;
  /** Whether the last `take` came to the end of what was committed. */
  #hasReadAll = false;
  #open = true;

  /**
   * Takes the role in the channel. With the lock held, so that no publisher works with a minimum that leaves this cursor out.
   *
   * @throws {@link ChannelError} `OTHER_INCARNATION`, `SEQUENCE_AHEAD` or `CORRUPTED`.
   */
  constructor(
    definition: ChannelDefinition<T>,
    participant: Participant,
    options: ReceiverOptions,
    hooks: ReceiverHooks,
  ) {
    this.#definition = definition;
    this.#decode = wordFunctionsOf(definition.codec).decode;
    this.#participant = participant;
    this.#hooks = hooks;
    this.#reliable = options.delivery === 'reliable';
    this.#reader = new RingReader(participant.memory);
    const { history, ringCapacity } = participant.memory.geometry;
    this.#slowFrom = options.slowThreshold * ringCapacity;
    this.#cursorStep = Math.min(CURSOR_STEP, ringCapacity / CURSOR_STEP_PART);
    this.#begin(options.start ?? (history > 0 ? 'history' : 'latest'));
    this.#handleAll();
    this.#start = this.#cursor = this.#handled;
    participant.table.storeCursor(participant.slot, this.#cursor);
    atStep?.('join: cursor stored');
    participant.activate(this.#reliable ? STATE_RELIABLE : STATE_LOSSY);
    this.#publishers = new PublisherWatch(participant);
  }

  /** Goes to where the subscription begins. With the lock held. */
  #begin(start: Start): void {
    const reader = this.#reader;
    if (reader.seekTail() === 'corrupted') throw this.#corrupted();
    const next = reader.expected;
    const { first, owesAll } = beginningOf(start, this.#participant.memory, next);
    reader.first = first;
    if (first < next && reader.seekHead() === 'corrupted') throw this.#corrupted();
    reader.fragmentFloor = owesAll ? 0 : reader.position;
    const count = reader.expected - first;
    if (owesAll && count > 0) this.#goneAtStart = { from: first, to: reader.expected - 1, count };
  }

  /** Who this is, for diagnostics. */
  get self(): ParticipantDiagnostics {
    const { name } = this.#definition;
    const delivery = this.#reliable ? 'reliable' : 'lossy';
    return { channel: name, role: 'subscriber', delivery, slot: this.#participant.slot };
  }

  /** Position up to which the program has handled everything. */
  get handled(): number {
    return this.#isInRun ? this.#reader.positionOfLast : this.#handled;
  }

  /** Number up to which the program has handled all messages, or has lost them; 0 before the first of the channel. */
  get sequence(): number {
    return this.#isInRun ? this.#reader.sequence - 1 : this.#handledSequence;
  }

  /** That number, in this life of the channel. */
  get position(): Position {
    return { incarnation: this.#participant.memory.incarnation, sequence: this.sequence };
  }

  /** Position in the ring up to which messages are committed now. */
  committed(): number {
    return this.#reader.loadTail();
  }

  /** Number of the last message that was read; 0 before the first. */
  get lastRead(): number {
    return this.#reader.sequence;
  }

  /** Where the message comes from that is being delivered, if another channel carried it before. */
  get origin(): Origin | undefined {
    return this.#reader.origin;
  }

  /** Whether the channel has a publisher, or had one since this subscription began. */
  hadPublisher(): boolean {
    return this.#publishers.hadPublisher() || this.committed() !== this.#start;
  }

  /** Has the next `take` go on at least to what is committed now. Without that it may stop where what it saw before ends. */
  look(): void {
    this.#reader.look();
  }

  /**
   * Takes messages that are committed, at most `limit`; returns how many were delivered. Asking for more says that all
   * before was handled.
   *
   * @param keepsLast says that the last message is handled only when {@link Receiver.finishHand} or `take` is called again.
   * Defaults to false: a message is handled when `deliver` has returned, or thrown.
   */
  take(deliver: Deliver<T>, limit: number, keepsLast = false): number {
    this.#handleAll();
    this.#reader.backlog = 0;
    this.#hasReadAll = false;
    this.#lookForPublishers();
    if (!this.#open) return 0;
    this.#tellWhatWasGone();
    let taken: number;
    try {
      taken = this.#deliverSome(deliver, limit, keepsLast);
    } catch (error) {
      // What it threw on counts as taken.
      this.#handleAll();
      if (this.#open) this.#storeCursor();
      throw error;
    }
    if (this.#open && (!keepsLast || taken < limit || this.#isDue())) this.#storeCursor();
    if (this.#open) this.#tellWhenSlow();
    return taken;
  }

  #deliverSome(deliver: Deliver<T>, limit: number, keepsLast: boolean): number {
    const reader = this.#reader;
    let taken = 0;
    while (taken < limit && this.#open) {
      const outcome = reader.read();
      let goesOn = true;
      if (outcome === 'message') {
        // Its publisher had joined by then, even one that came after the look above.
        if (this.#participant.memory.words[EPOCH] !== this.#publishers.epoch) this.#lookForPublishers();
        if (!this.#open) break;
        taken += this.#deliverRun(deliver, limit - taken);
        goesOn = !this.#hasEnough;
      } else if (outcome === 'empty') {
        this.#hasReadAll = true;
        this.#forgetUnfinished();
        break;
      } else if (outcome === 'lapped' || outcome === 'corrupted') {
        this.#onTrouble(outcome);
      }
      if (!this.#open || (keepsLast && taken === limit)) break;
      this.#handleAll();
      if (!goesOn || (taken >= FLOOD && reader.hasReadSeen)) break;
      if (this.#isDue()) this.#storeCursor();
    }
    return taken;
  }

  /** Delivers the message that was read, and those that follow it right away in what was copied, at most `limit`; how many. */
  #deliverRun(deliver: Deliver<T>, limit: number): number {
    const reader = this.#reader;
    const { words } = this.#participant.memory;
    // In whole numbers, as all this is done for each message. What was copied ends long before that many.
    const most = Math.min(limit, MANY);
    const due = reader.offset + this.#cursorStep - (reader.position - this.#cursor);
    this.#hasEnough = false;
    let taken = 0;
    do {
      const outcome = this.#deliver(deliver);
      if (outcome !== 'undecodable') taken++;
      this.#hasEnough = outcome === 'enough';
      if (this.#hasEnough || taken >= most || !this.#open || reader.offset >= due) break;
      if (this.#reliable && words[ROOM_WAITERS] !== 0) break;
      this.#isInRun = true;
    } while (reader.readWhole());
    return taken;
  }

  /**
   * Which publishers have left or died, when `take` saw it and has delivered everything that was published before; each told
   * once.
   */
  takeLeft(): readonly PublisherLeft[] {
    return this.#hasReadAll ? this.#publishers.takeLeft() : NO_PUBLISHERS;
  }

  /**
   * That the last publisher has gone, when `take` saw it and has delivered everything that was published before; told once.
   */
  takeGone(): PublishersGone | undefined {
    return this.#hasReadAll ? this.#publishers.takeGone() : undefined;
  }

  /** Why no publisher is left, when `take` saw it and has delivered everything; undefined where one is, or nothing has changed. */
  overBy(): PublishersGone['reason'] | undefined {
    return this.#hasReadAll ? this.#publishers.overBy() : undefined;
  }

  /** Takes notice of both, for a program that does not tell of publishers: otherwise they would keep it from sleeping. */
  ignoreLeft(): void {
    if (!this.#hasReadAll) return;
    this.#publishers.takeLeft();
    this.#publishers.takeGone();
  }

  #lookForPublishers(): void {
    if (!this.#publishers.look()) return;
    this.#mayForget = true;
    for (const joined of this.#publishers.takeJoined()) this.#hooks.joined(joined);
  }

  /** The program has handled everything that was read. */
  #handleAll(): void {
    this.#isInRun = false;
    this.#handled = this.#reader.position;
    // What comes before the first message that is wanted is left out, and counts as handled before it is read.
    this.#handledSequence = Math.max(this.#reader.expected, this.#reader.first) - 1;
  }

  /** The program has handled what was delivered last. */
  finishHand(): void {
    this.#handleAll();
    this.#storeCursor();
  }

  #deliver(deliver: Deliver<T>): 'next' | 'enough' | 'undecodable' {
    const { payload, start, end, sequence, timestamp, publisher } = this.#reader;
    this.#taken++;
    this.#takenBytes += end - start;
    let value: T;
    try {
      value = this.#decode(payload, start, end);
    } catch (error) {
      const text = `message ${sequence} cannot be decoded: ${error instanceof Error ? error.message : String(error)}`;
      this.#hooks.error(new ChannelError('UNDECODABLE', this.#definition.name, text, { cause: error }));
      return 'undecodable';
    }
    return deliver({ value, sequence, timestamp, publisher }) ? 'next' : 'enough';
  }

  #tellWhatWasGone(): void {
    const gap = this.#goneAtStart;
    this.#goneAtStart = undefined;
    if (gap !== undefined) this.#tellGap(gap);
  }

  #tellGap(gap: Gap): void {
    this.#participant.counters.countMissed(gap.count);
    if (diagnostics.gap.hasSubscribers) diagnostics.gap.publish({ ...this.self, ...gap });
    this.#hooks.gap(gap);
  }

  #tellWhenSlow(): void {
    const { backlog } = this.#reader;
    if (backlog < this.#slowFrom) {
      if (this.#saidSlow && backlog < this.#slowFrom / 2) this.#saidSlow = false;
      return;
    }
    if (this.#saidSlow) return;
    this.#saidSlow = true;
    const slow = { lag: backlog, capacity: this.#participant.memory.geometry.ringCapacity };
    if (diagnostics.slow.hasSubscribers) diagnostics.slow.publish({ ...this.self, ...slow });
    this.#hooks.slow(slow);
  }

  /** Forgets what publishers began that are gone by now: all that they committed was read. */
  #forgetUnfinished(): void {
    if (!this.#mayForget) return;
    this.#mayForget = false;
    this.#reader.forgetUnless((slot, generation) => this.#publishers.isThere(slot, generation));
  }

  /** Whether others should hear how far it is: a plain load will do, which sees at some time that a publisher waits. */
  #isDue(): boolean {
    const behind = this.#handled - this.#cursor;
    if (behind >= this.#cursorStep) return true;
    return behind > 0 && this.#reliable && this.#participant.memory.words[ROOM_WAITERS] !== 0;
  }

  /** Counts in shared memory what was taken. */
  countTaken(): void {
    if (this.#taken === 0) return;
    this.#participant.counters.countMessages(this.#taken, this.#takenBytes);
    this.#taken = this.#takenBytes = 0;
  }

  #storeCursor(): void {
    const { table, slot } = this.#participant;
    this.countTaken();
    if (!this.#participant.ownsSlot()) {
      this.#loseSlot();
      return;
    }
    if (table.isDisconnected(slot)) {
      this.#hooks.end('disconnected');
      return;
    }
    if (this.#handled === this.#cursor) return;
    this.#cursor = this.#handled;
    table.storeCursor(slot, this.#cursor);
    atStep?.('read: cursor stored');
    if (this.#reliable) this.#participant.ringForRoom();
  }

  #loseSlot(): void {
    const text = `its slot, ${this.#participant.slot}, is another participant's`;
    try {
      this.#hooks.error(new ChannelError('CORRUPTED', this.#definition.name, text));
    } finally {
      this.#hooks.end('corrupted');
    }
  }

  #onTrouble(outcome: 'lapped' | 'corrupted'): void {
    const { table, slot } = this.#participant;
    if (table.isDisconnected(slot)) {
      this.#hooks.end('disconnected');
      return;
    }
    const reader = this.#reader;
    const from = Math.max(reader.expected, reader.first);
    if (outcome === 'corrupted') {
      const error = this.#corrupted();
      const goesOn = reader.skipToTail() === 'lapped';
      try {
        this.#hooks.error(error);
      } finally {
        if (!goesOn) this.#hooks.end('corrupted');
      }
      // Its program may have closed it because of the error.
      if (!this.#open) return;
    }
    reader.expected = reader.sequence;
    const count = reader.sequence - from;
    if (count > 0) this.#tellGap({ from, to: reader.sequence - 1, count });
  }

  #corrupted(): ChannelError {
    return new ChannelError('CORRUPTED', this.#definition.name, this.#reader.problem);
  }

  /** Whether the last turn found so little of the ring in use that more may gather. */
  get hasRoom(): boolean {
    return this.#reader.backlog * GATHERED_PART <= this.#participant.memory.geometry.ringCapacity;
  }

  /** Whether something is there to take at one of so many looks. */
  lookFor(times: number): boolean {
    const { position } = this.#reader;
    for (let looks = 0; looks < times; looks++) if (this.#reader.loadTail() !== position) return true;
    return false;
  }

  /** `asleep` when the bell will ring for the next message, `locked` when a publisher is at work, `news` otherwise. */
  fallAsleep(): 'asleep' | 'locked' | 'news' {
    const { sleep, lock } = this.#participant;
    // SYNC: going to sleep. Counted and flagged before this looks; a publisher stores the tail, then rings, then releases.
    sleep.begin(WANTS_FRAMES);
    const locked = lock.isHeld();
    const news = this.#reader.loadTail() !== this.#reader.position || this.#publishers.hasNews();
    if (!locked && !news) return 'asleep';
    sleep.end(WANTS_FRAMES);
    return news ? 'news' : 'locked';
  }

  /** Frees the publisher lock when its holder is proved dead; no other participant might come to do so. */
  recover(): void {
    const { lock } = this.#participant;
    if (lock.takeOver()) lock.release();
  }

  /** Whether it waits for the bell. */
  get isAsleep(): boolean {
    return this.#participant.sleep.isFor(WANTS_FRAMES);
  }

  /** Ends the sleep, if it sleeps. */
  wakeUp(): void {
    this.#participant.sleep.end(WANTS_FRAMES);
  }

  /** Leaves the channel; nothing is taken from here on. */
  leave(): void {
    if (!this.#open) return;
    this.#open = false;
    diagnostics.close.publish(this.self);
    this.#participant.leave();
  }
}
