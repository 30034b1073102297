import type { Codec } from '@mmfbus/codec';
import { type SegmentView, type SharedMemory, viewSegment } from '@mmfbus/core/internal';
import { belongsTo, type DirectoryPlace } from '../directory/directory-place.js';
import { isLeftBehind, type Probe } from '../directory/inspection.js';
import { codecOfMemory } from '../endpoint/codec-of-memory.js';
import type { Position } from '../endpoint/position.js';
import { beginningOf, type Start } from '../endpoint/start.js';
import { namespaceOf } from '../format/scope.js';
import { ChannelError } from '../foundation/errors.js';
import { type ChannelMemory, viewChannelMemory } from '../membership/channel-memory.js';
import { RingReader } from '../ring/ring-reader.js';
import type { Observed } from './observed.js';

/**
 * Bytes of the ring that one look copies at most: publishers must fetch back each cache line that another core has read. Where it
 * cannot keep up, a smaller part shows as much: after it was lapped a look begins with the least, which doubles until the next lap.
 */
const MOST_BYTES: number = 256 * 2 ** 10;
const LEAST_BYTES: number = 64 * 2 ** 10;
/** How often publishers may lap one look: at full speed it gets one batch between two laps. */
const MOST_LAPS = 8;
/** Looks in a row without a new message after which it asks whether a participant is alive: about a second. */
const IDLE_LOOKS = 30;

/** What an {@link Observation} is to see. */
export interface ObservationOptions<T> {
  readonly start: Start;
  readonly follow: boolean;
  /** Bytes of the longest message that is read. */
  readonly maxMessage: number;
  /** Decodes the values; by what the channel says of them where it is undefined. */
  readonly codec: Codec<T> | undefined;
}

/** One life of the channel. */
interface Life<T> {
  readonly incarnation: string;
  readonly reader: RingReader;
  readonly codec: Codec<T>;
  /** Where its memory is mapped now. */
  mapped: SharedMemory;
}

/** Reads a channel without joining it: from memory that is mapped for reading only, without a slot, a lock or a bell. */
export class Observation<T> {
  readonly #name: string;
  readonly #place: DirectoryPlace;
  readonly #probe: Probe;
  readonly #options: ObservationOptions<T>;
  #view: SegmentView | undefined;
  #life: Life<T> | undefined;
  /** Of the life that ended last: what is left of it is not a new one. */
  #ended: string | undefined;
  #idle = 0;
  /** Bytes that the next look copies at most. */
  #most = MOST_BYTES;
  /** Whether there was a life before: then all of the next one is wanted. */
  #isFollowing = false;
  #isOver = false;
  /** What was seen when it was opened, for the first look to tell. */
  readonly #untold: Observed<T>[] = [];

  /** @throws {@link ChannelError} as {@link Bus.observe} does. */
  constructor(name: string, place: DirectoryPlace, probe: Probe, options: ObservationOptions<T>) {
    this.#name = name;
    this.#place = place;
    this.#probe = probe;
    this.#options = options;
    const isThere = this.#open(this.#untold, 0);
    if (isThere || options.follow) return;
    throw new ChannelError('NOT_FOUND', name, 'there is no such channel');
  }

  /** The last message that was seen; undefined before there was a channel. */
  get position(): Position | undefined {
    const life = this.#life;
    if (life === undefined) return undefined;
    return { incarnation: life.incarnation, sequence: Math.max(life.reader.expected, life.reader.first) - 1 };
  }

  /** Whether there is nothing more to see. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** What is new, at most `limit` messages; nothing where there is nothing. */
  look(limit: number): Observed<T>[] {
    if (this.#isOver) return [];
    const found = this.#untold.splice(0);
    if (this.#view === undefined) {
      this.#open(found, limit);
      return found;
    }
    // Asked first: what was published before that is read yet.
    const hasEnded = this.#view.hasEnded();
    const hasReadAll = this.#lookInto(this.#view, found, limit);
    if (hasReadAll === undefined || (hasEnded && hasReadAll)) this.#end(found);
    else if (found.length > 0) this.#idle = 0;
    else if (++this.#idle % IDLE_LOOKS === 0 && this.#isLeftBehind()) this.#end(found);
    return found;
  }

  /** Leaves out what is there, and goes on with what is published from now on; how many messages it leaves out. */
  skip(): number {
    const view = this.#view;
    if (this.#isOver || view === undefined) return 0;
    const skipped = view.look((memory, size) => {
      this.#attach(view, memory, size, this.#untold);
      return this.#life === undefined ? 0 : this.#skipIn(this.#life.reader);
    });
    return skipped ?? 0;
  }

  close(): void {
    this.#isOver = true;
    this.#letGo();
  }

  #letGo(): void {
    this.#view?.close();
    this.#view = undefined;
  }

  /** Looks for a channel of that name, and into it; whether there is one. */
  #open(found: Observed<T>[], limit: number): boolean {
    const view = viewSegment(this.#name, namespaceOf(this.#place.scope));
    if (view === undefined) return false;
    let isNew = false;
    try {
      if (!belongsTo(this.#place, view.access)) return false;
      const incarnation = view.look((memory, size) => this.#read(view, memory, size).incarnation);
      if (incarnation === undefined || incarnation === this.#ended) return false;
      isNew = this.#lookInto(view, found, limit) !== undefined;
      return isNew;
    } finally {
      if (isNew) this.#view = view;
      else view.close();
    }
  }

  /** Whether everything there was read; undefined where there is nothing to look into any more. */
  #lookInto(view: SegmentView, found: Observed<T>[], limit: number): boolean | undefined {
    return view.look((memory, size) => {
      this.#attach(view, memory, size, found);
      return this.#life === undefined || this.#take(this.#life, found, limit);
    });
  }

  #read(view: SegmentView, memory: SharedMemory, size: number): ChannelMemory {
    const { access } = view;
    return viewChannelMemory(this.#name, this.#place.scope, {
      memory,
      size,
      access,
      isNamed: () => true,
      close: () => {},
    });
  }

  /** Sees to it that the life is the one in that memory. */
  #attach(view: SegmentView, mapped: SharedMemory, size: number, found: Observed<T>[]): void {
    const life = this.#life;
    if (life?.mapped === mapped) return;
    const memory = this.#read(view, mapped, size);
    if (life?.incarnation === memory.incarnation) {
      life.mapped = mapped;
      life.reader.attach(memory);
      return;
    }
    if (life !== undefined) {
      this.#end(found);
      if (this.#isOver) return;
    }
    this.#begin(memory, mapped, found);
  }

  #begin(memory: ChannelMemory, mapped: SharedMemory, found: Observed<T>[]): void {
    const { start, maxMessage, codec = codecOfMemory(memory) as Codec<T> } = this.#options;
    const reader = new RingReader(memory, Math.min(maxMessage, memory.geometry.maxMessage));
    const corrupted = () => new ChannelError('CORRUPTED', this.#name, reader.problem);
    if (reader.seekTail() === 'corrupted') throw corrupted();
    const next = reader.expected;
    const { first, owesAll } = this.#isFollowing
      ? { first: 1, owesAll: true }
      : beginningOf(start, memory, next);
    if (first < next && reader.seekOldest() === 'corrupted') throw corrupted();
    reader.first = first;
    reader.fragmentFloor = owesAll ? 0 : reader.position;
    const { incarnation } = memory;
    if (this.#isFollowing) found.push({ kind: 'reborn', incarnation });
    if (owesAll) tellGap(found, first, reader.expected);
    this.#life = { incarnation, reader, codec, mapped };
    this.#isFollowing = true;
    this.#idle = 0;
  }

  /** Takes what was committed; whether that was all. */
  #take(life: Life<T>, found: Observed<T>[], limit: number): boolean {
    const { reader } = life;
    let most = reader.position + this.#most;
    this.#most = Math.min(this.#most * 2, MOST_BYTES);
    let laps = 0;
    for (let taken = 0; taken < limit && reader.position < most && laps < MOST_LAPS; ) {
      const before = reader.position;
      const outcome = reader.read();
      if (outcome === 'empty') return true;
      if (outcome === 'part') continue;
      if (outcome === 'lapped' || outcome === 'corrupted') {
        this.#goOn(reader, outcome, found);
        laps++;
        this.#most = LEAST_BYTES;
        // What it has not read does not count.
        most += reader.position - before;
        continue;
      }
      taken++;
      const { sequence, timestamp, publisher, omitted } = reader;
      const message = { sequence, timestamp, publisher };
      if (outcome === 'omitted') found.push({ kind: 'omitted', ...message, length: omitted });
      else found.push(this.#decode(life, message));
    }
    return false;
  }

  #decode(
    { reader, codec }: Life<T>,
    message: { readonly sequence: number; readonly timestamp: number; readonly publisher: number },
  ): Observed<T> {
    try {
      const value = codec.decode(reader.payload, reader.start, reader.end);
      return { kind: 'message', value, ...message };
    } catch (cause) {
      const text = `message ${message.sequence} cannot be decoded: ${cause instanceof Error ? cause.message : cause}`;
      const error = new ChannelError('UNDECODABLE', this.#name, text, { cause });
      return { kind: 'undecodable', ...message, error };
    }
  }

  /** Goes on behind what was overwritten, or makes no sense. */
  #goOn(reader: RingReader, outcome: 'lapped' | 'corrupted', found: Observed<T>[]): void {
    const from = Math.max(reader.expected, reader.first);
    if (outcome === 'corrupted') {
      const error = new ChannelError('CORRUPTED', this.#name, reader.problem);
      if (reader.skipToTail() !== 'lapped') throw error;
      found.push({ kind: 'corrupted', error });
    }
    reader.expected = reader.sequence;
    tellGap(found, from, reader.sequence);
  }

  #skipIn(reader: RingReader): number {
    const from = Math.max(reader.expected, reader.first);
    if (reader.skipToTail() !== 'lapped') throw new ChannelError('CORRUPTED', this.#name, reader.problem);
    reader.expected = reader.sequence;
    return Math.max(0, reader.sequence - from);
  }

  #isLeftBehind(): boolean {
    const view = this.#view;
    return view?.look((memory, size) => isLeftBehind(this.#read(view, memory, size), this.#probe)) === true;
  }

  #end(found: Observed<T>[]): void {
    found.push({ kind: 'ended' });
    this.#ended = this.#life?.incarnation;
    this.#life = undefined;
    this.#letGo();
    if (!this.#options.follow) this.#isOver = true;
  }
}

/** Tells of the messages from one number up to, not including, another one, where there are any. */
function tellGap(found: Observed<unknown>[], from: number, before: number): void {
  if (before > from) found.push({ kind: 'gap', from, to: before - 1, count: before - from });
}
