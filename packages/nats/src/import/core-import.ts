import type { Msg, Subscription } from '@nats-io/nats-core';
import type { Passage } from '../foundation/events.js';
import type { Connection } from '../wire/connection.js';
import { HEADER, readHeader } from '../wire/header.js';
import { type NameMap, splitSubject } from '../wire/names.js';
import { rawOf } from '../wire/raw-message.js';
import type { Importer, Incoming } from './importer.js';

/** About what an object takes beside the bytes of a message. */
const OVERHEAD = 500;
/** Messages that are taken from the line before their places are given up. */
const COMPACTED = 4096;

/** Messages of an incarnation that were dropped, one after the other. */
interface Hole {
  readonly passage: Passage;
  /** Number of the last one. */
  to: number;
}

/** Parts of it. */
export interface CoreImportParts {
  readonly connection: Connection;
  readonly names: NameMap;
  readonly importer: Importer;
  /** Most bytes of messages that wait for room in their channels. */
  readonly maxWaiting: number;
  /** Settles when there are listeners: messages wait until then. */
  readonly whenHeard: Promise<void>;
  trouble(error: Error): void;
}

/** Takes messages of core NATS as they come. Those that wait for room are kept up to a limit; what is beyond it is a gap. */
export class CoreImport {
  readonly #parts: CoreImportParts;
  readonly #subscription: Subscription;
  /** Those that wait, from `#next` on. */
  #line: Incoming[] = [];
  #next = 0;
  #bytes = 0;
  #isBusy = false;
  /** Whether what is gathered is published soon. */
  #isDue = false;
  #open = true;
  /** What was dropped and not told yet, in order, by incarnations. */
  readonly #holes = new Map<string, Hole[]>();

  constructor(parts: CoreImportParts) {
    this.#parts = parts;
    this.#subscription = parts.connection.nats.subscribe(parts.names.filter, {
      callback: (error, message) => {
        if (error !== null) parts.trouble(error);
        else if (this.#open && !this.#gather(message)) this.#onMessage(message);
      },
    });
    void this.#serve(parts.whenHeard);
    void this.#subscription.closed.then((error) => {
      if (this.#open && error instanceof Error) parts.trouble(error);
    });
  }

  /** Messages that wait. */
  get waiting(): number {
    return this.#line.length - this.#next;
  }

  close(): void {
    this.#publishGathered();
    this.#open = false;
    this.#line = [];
    this.#next = 0;
    if (!this.#parts.connection.nats.isClosed()) this.#subscription.unsubscribe();
  }

  /** Takes a message that is like the one before it, together with those that come with it. */
  #gather(message: Msg): boolean {
    const { importer } = this.#parts;
    if (this.#isBusy || this.#holes.size > 0) return false;
    const raw = rawOf(message);
    if (raw === undefined) return false;
    if (!importer.gather(raw)) {
      // There may be no room for more.
      if (!importer.hasGathered) return false;
      this.#publishGathered();
      if (this.#isBusy || !importer.gather(raw)) return false;
    }
    if (!this.#isDue) {
      // The client hands over all messages of a chunk before microtasks run.
      this.#isDue = true;
      queueMicrotask(() => {
        this.#isDue = false;
        this.#publishGathered();
      });
    }
    return true;
  }

  readonly #publishGathered = (): void => {
    if (this.#isBusy) return;
    let waits: Promise<void> | undefined;
    try {
      waits = this.#parts.importer.publishGathered();
    } catch (error) {
      this.#onFailure(error);
    }
    if (waits !== undefined) void this.#serve(waits);
  };

  #onMessage({ subject, headers, data }: Msg): void {
    const message: Incoming = { subject, header: headers?.get(HEADER) ?? '', payload: data };
    this.#publishGathered();
    if (this.#isBusy) {
      this.#keep(message);
      return;
    }
    const waits = this.#take(message);
    if (waits !== undefined) void this.#serve(waits);
    else this.#parts.importer.follow(message);
  }

  #keep(message: Incoming): void {
    const bytes = message.payload.length + OVERHEAD;
    if (this.waiting > 0 && this.#bytes + bytes > this.#parts.maxWaiting) {
      this.#drop(message);
      return;
    }
    this.#bytes += bytes;
    this.#line.push(message);
  }

  #drop({ subject, header }: Incoming): void {
    const read = readHeader(header);
    const parts = splitSubject(subject);
    const channel = parts === undefined ? undefined : this.#parts.names.channelOf(parts.subject);
    if (read === undefined || parts === undefined || channel === undefined) return;
    const passage: Passage = { direction: 'import', channel, subject: parts.subject };
    const holes = this.#holes.get(read.incarnation) ?? [];
    this.#holes.set(read.incarnation, holes);
    const last = holes.at(-1);
    if (last?.to === read.sequence) return;
    if (last !== undefined && last.to === read.prev) last.to = read.sequence;
    else holes.push({ passage, to: read.sequence });
  }

  #take(message: Incoming): Promise<void> | undefined {
    if (this.#holes.size > 0) this.#tellHolesBefore(message);
    try {
      return this.#parts.importer.take(message);
    } catch (error) {
      this.#onFailure(error);
      return undefined;
    }
  }

  #tellHolesBefore({ header }: Incoming): void {
    const read = readHeader(header);
    // Behind a piece that was dropped, what is left of its message is of no use.
    if (read !== undefined)
      this.#tellHoles(read.incarnation, read.part === undefined ? read.sequence : read.sequence + 1);
  }

  /** Tells what was dropped before that number. */
  #tellHoles(incarnation: string, before: number): void {
    const holes = this.#holes.get(incarnation) ?? [];
    while (holes[0] !== undefined && holes[0].to < before) {
      const { passage, to } = holes.shift() as Hole;
      this.#parts.importer.tellBehind(passage, incarnation, to);
    }
    if (holes.length === 0) this.#holes.delete(incarnation);
  }

  /** Core NATS keeps nothing: a message that cannot be published is missing, as the next one shows. */
  #onFailure(error: unknown): void {
    if (this.#open) this.#parts.trouble(error instanceof Error ? error : new Error(String(error)));
  }

  /** The one that waits longest. */
  #shift(): Incoming | undefined {
    const message = this.#line[this.#next];
    if (message !== undefined && ++this.#next < COMPACTED) return message;
    // Taking the first of a long list one by one would move all others each time.
    this.#line = this.#line.slice(this.#next);
    this.#next = 0;
    return message;
  }

  async #serve(first: Promise<void>): Promise<void> {
    this.#isBusy = true;
    let waits: Promise<void> | undefined = first;
    for (;;) {
      try {
        await waits;
      } catch (error) {
        this.#onFailure(error);
      }
      const message = this.#shift();
      if (message === undefined) break;
      this.#bytes -= message.payload.length + OVERHEAD;
      waits = this.#take(message);
    }
    for (const incarnation of [...this.#holes.keys()]) {
      this.#tellHoles(incarnation, Number.POSITIVE_INFINITY);
    }
    this.#isBusy = false;
  }
}
