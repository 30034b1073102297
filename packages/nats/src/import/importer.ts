import { ChannelError } from '@mmfbus/channel';
import { type ChannelDefinition, type Origin, OriginBatch } from '@mmfbus/channel/internal';
import type { GapReason, Passage, RefusalReason, Teller } from '../foundation/events.js';
import { type Header, readHeader } from '../wire/header.js';
import { isJson } from '../wire/json-converter.js';
import { type NameMap, splitSubject } from '../wire/names.js';
import type { RawMessage } from '../wire/raw-message.js';
import { Assemblies } from './assembly.js';
import { Flow } from './flow.js';
import { ImportTarget } from './import-target.js';
import type { Lane } from './lane.js';

/** What an import did. */
export class ImportCounters {
  messages = 0;
  bytes = 0;
  gaps = 0;
  missed = 0;
  refused = 0;
  /** Messages that came before. */
  repeats = 0;
  /** Messages of channels of this machine. */
  own = 0;
  /** Messages for channels that do not exist here. */
  absent = 0;
}

/** A message as it comes. */
export interface Incoming {
  /** The full one, with the incarnation. */
  readonly subject: string;
  /** What its header says; '' without one. */
  readonly header: string;
  readonly payload: Uint8Array;
  /** Its number in the stream; undefined without one. */
  readonly position?: number;
}

/** Parts of an importer. */
export interface ImporterParts {
  readonly names: NameMap;
  readonly scope: 'user' | 'machine';
  /** Name of the participants, for people. */
  readonly name: string;
  /** How a channel is created that does not exist; undefined where none is. */
  readonly define: ((channel: string) => ChannelDefinition<unknown>) | undefined;
  /** Whether messages of another schema are decoded to see whether they fit. */
  readonly checksMessages: boolean;
  readonly counters: ImportCounters;
  readonly teller: Teller;
  /** Whether an incarnation is of a channel of this machine. */
  isOwn(incarnation: string): Promise<boolean>;
}

/** Why a message is not published. */
interface Refusal {
  readonly reason: RefusalReason;
  readonly text: string;
}

/** Publishes what comes from other machines: each message once, in order, and says what is missing. */
export class Importer {
  /** What is known, by incarnations. */
  readonly lanes: Map<string, Lane> = new Map();
  /**
   * Whether everything is owed that an incarnation exported, also one that was not known before: what came before a message is
   * missing then, if it is not there.
   */
  owesAll = false;
  readonly #parts: ImporterParts;
  readonly #targets = new Map<string, ImportTarget>();
  /** Channels that were looked for and not found. */
  readonly #absent = new Set<string>();
  readonly #assemblies = new Assemblies();
  readonly #closing = new AbortController();
  /** Messages that are like the one before them, and as long as they come. */
  #flow: Flow | undefined;
  /** Subject of the last message that was taken by itself. */
  #lastSubject = '';
  /** Those of them that were gathered and are not in the ring yet. */
  #batch: OriginBatch | undefined;
  /** Number of the last of those. */
  #last = 0;

  constructor(parts: ImporterParts) {
    this.#parts = parts;
  }

  /** Channels that it publishes to. */
  get channels(): readonly string[] {
    return [...this.#targets.keys()];
  }

  /** Number in the stream of the first message of which only pieces were taken so far; undefined where there is none. */
  get heldPosition(): number | undefined {
    return this.#assemblies.position;
  }

  /** A channel exists now. */
  onOpened(channel: string): void {
    this.#absent.delete(channel);
  }

  /**
   * Takes a message.
   *
   * @returns undefined where that is done at once; else what settles when it is done. The next message is to come after that.
   * @throws what joining and publishing throw, also by what it returns: then the message is to come again.
   */
  take(message: Incoming): Promise<void> | undefined {
    const parts = splitSubject(message.subject);
    const header = readHeader(message.header);
    const channel = parts === undefined ? undefined : this.#parts.names.channelOf(parts.subject);
    if (parts === undefined || header === undefined || channel === undefined) {
      this.#refuseForeign(message, channel ?? '');
      return undefined;
    }
    if (parts.incarnation !== header.incarnation) {
      this.#refuseForeign(message, channel);
      return undefined;
    }
    const passage: Passage = { direction: 'import', channel, subject: parts.subject };
    const lane = this.lanes.get(header.incarnation);
    const target = this.#targets.get(channel);
    const isReady = lane !== undefined && (lane.isOwn || target !== undefined || this.#absent.has(channel));
    if (isReady) return this.#takeFor(message, header, passage, lane, target);
    return this.#prepare(message, header, passage);
  }

  /** Has messages gathered that are like this one, which was taken. Where channels take turns, that pays for none. */
  follow({ subject, header: text }: Incoming): void {
    const isSecond = subject === this.#lastSubject;
    this.#lastSubject = subject;
    const flow = isSecond ? this.#flowBehind(subject, text) : undefined;
    if (flow?.target !== this.#flow?.target) this.#batch = undefined;
    this.#flow = flow;
  }

  #flowBehind(subject: string, text: string): Flow | undefined {
    const [parts, header] = [splitSubject(subject), readHeader(text)];
    const channel = parts && this.#parts.names.channelOf(parts.subject);
    const target = channel === undefined ? undefined : this.#targets.get(channel);
    if (parts === undefined || header === undefined || channel === undefined || target === undefined)
      return undefined;
    const lane = this.lanes.get(header.incarnation);
    const { encoding, gap, part, sequence } = header;
    const isPlain = gap === undefined && part === undefined && lane?.last === sequence && !lane.isOwn;
    const isAsItIs =
      target.refusalOf(encoding) === undefined && (encoding === target.tag || !isJson(encoding));
    if (!isPlain || !isAsItIs) return undefined;
    const passage: Passage = { direction: 'import', channel, subject: parts.subject };
    return new Flow(subject, header, { passage, lane, target });
  }

  /**
   * Gathers a message that is like the one before it and follows it. What was gathered is published by {@link Importer.publishGathered},
   * which is due before the event loop goes on, and before anything else is taken.
   *
   * @returns false where it is to be taken by itself.
   */
  gather(message: RawMessage): boolean {
    const flow = this.#flow;
    if (flow === undefined || !flow.read(message)) return false;
    const { lane, origin, target } = flow;
    const { bytes, start } = message;
    const last = this.hasGathered ? this.#last : lane.last;
    if (flow.prev !== last || !this.#assemblies.isEmpty) return false;
    if (target.lengthProblem(bytes.length - start) !== undefined) return false;
    this.#batch ??= new OriginBatch(target.mostOfBatch);
    if (!this.#batch.add(origin, bytes, start, bytes.length)) return false;
    this.#last = origin.sequence;
    return true;
  }

  /** Whether there are messages that were gathered and not published. */
  get hasGathered(): boolean {
    return this.#batch !== undefined && this.#batch.messages > 0;
  }

  /** Publishes what was gathered. Returns and throws as {@link Importer.take} does. */
  publishGathered(): Promise<void> | undefined {
    const [flow, batch] = [this.#flow, this.#batch];
    if (flow === undefined || batch === undefined || batch.messages === 0) return undefined;
    const { lane, target } = flow;
    const { messages, bytes } = batch;
    const last = this.#last;
    const done = () => {
      lane.last = last;
      this.#parts.counters.messages += messages;
      this.#parts.counters.bytes += bytes;
    };
    const failed = async (error: unknown) => {
      await this.#drop(flow.passage.channel);
      throw error;
    };
    let waits: Promise<void> | undefined;
    try {
      waits = target.publishTogether(batch, this.#closing.signal);
    } catch (error) {
      this.#batch = undefined;
      return failed(error);
    }
    if (waits !== undefined) {
      this.#batch = undefined;
      return waits.then(done, failed);
    }
    batch.clear();
    done();
    return undefined;
  }

  /** Drops what was gathered: it comes again. */
  forgetGathered(): void {
    this.#batch?.clear();
  }

  /** What is known of channels is not what it was: each message is taken by itself until one was. */
  #endFlow(): void {
    this.#flow = undefined;
    this.#batch = undefined;
  }

  /** Leaves all channels. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('the bridge was closed'));
    this.#endFlow();
    const targets = [...this.#targets.values()];
    this.#targets.clear();
    await Promise.all(targets.map((target) => target.close()));
  }

  /** Gives up a channel that cannot be published to any more; it is joined again with the next message. */
  async #drop(channel: string): Promise<void> {
    this.#endFlow();
    const target = this.#targets.get(channel);
    this.#targets.delete(channel);
    await target?.close();
  }

  /** Finds out what is not known yet, then takes the message. */
  async #prepare(message: Incoming, header: Header, passage: Passage): Promise<void> {
    const { incarnation } = header;
    const { signal } = this.#closing;
    if (!this.lanes.has(incarnation)) {
      const isOwn = await this.#parts.isOwn(incarnation);
      this.lanes.set(incarnation, { last: 0, isOwn });
    }
    const lane = this.lanes.get(incarnation) as Lane;
    const { channel } = passage;
    if (!lane.isOwn && !this.#targets.has(channel) && !this.#absent.has(channel)) await this.#open(channel);
    signal.throwIfAborted();
    await this.#takeFor(
      message,
      header,
      passage,
      this.lanes.get(incarnation) as Lane,
      this.#targets.get(channel),
    );
  }

  async #open(channel: string): Promise<void> {
    const { scope, name, define } = this.#parts;
    const { signal } = this.#closing;
    let target: ImportTarget;
    try {
      target = await ImportTarget.open(channel, scope, name, define?.(channel), signal);
    } catch (error) {
      if (!(error instanceof ChannelError) || error.code !== 'NOT_FOUND') throw error;
      this.#absent.add(channel);
      return;
    }
    if (signal.aborted) {
      await target.close();
      signal.throwIfAborted();
    }
    this.#endFlow();
    // What was imported before, and not written down.
    target.forEachOrigin(({ incarnation, sequence }) => {
      const lane = this.lanes.get(incarnation);
      if (lane === undefined) this.lanes.set(incarnation, { last: sequence, isOwn: false });
      else lane.last = Math.max(lane.last, sequence);
    });
    // What this channel itself has published comes back from elsewhere only as an echo.
    this.lanes.set(target.incarnation, { last: 0, isOwn: true });
    this.#targets.set(channel, target);
  }

  #takeFor(
    message: Incoming,
    header: Header,
    passage: Passage,
    lane: Lane,
    target: ImportTarget | undefined,
  ): Promise<void> | undefined {
    const { counters } = this.#parts;
    const { sequence, prev, incarnation, gap, part } = header;
    // Of a message in pieces the first one counts.
    const isCounted = part === undefined || part.offset === 0;
    if (lane.isOwn) {
      if (isCounted) counters.own++;
      return undefined;
    }
    if (target === undefined) {
      if (isCounted) counters.absent++;
      lane.last = Math.max(lane.last, sequence);
      return undefined;
    }
    if (sequence <= lane.last) {
      if (isCounted) counters.repeats++;
      return undefined;
    }
    const isFirst = lane.last === 0 && !this.owesAll;
    if (prev > lane.last && !isFirst) this.#tellGap(passage, incarnation, lane.last + 1, prev, 'network');
    // From here on what came before it is settled, also where this message has to come again.
    lane.last = Math.max(lane.last, prev);
    if (part === undefined) this.#assemblies.end(incarnation);
    if (gap !== undefined) {
      const from = Math.max(gap.from, lane.last + 1);
      this.#tellGap(passage, incarnation, from, sequence, gap.reason === 'ring' ? 'ring' : 'refused');
      lane.last = sequence;
      return undefined;
    }
    const whole = part === undefined ? message.payload : this.#put(message, { ...header, part }, target);
    if (whole === 'more') return undefined;
    if (whole === 'hole' || whole === 'late') {
      this.#assemblies.end(incarnation);
      const isOwed = whole === 'hole' || !isFirst;
      if (isOwed) this.#tellGap(passage, incarnation, sequence, sequence, 'network');
      lane.last = sequence;
      return undefined;
    }
    const payload = whole instanceof Uint8Array ? this.#payloadFor(whole, header.encoding, target) : whole;
    if (!(payload instanceof Uint8Array)) {
      this.#assemblies.end(incarnation);
      lane.last = sequence;
      this.#refuse(passage, header, payload.reason, payload.text);
      return undefined;
    }
    return this.#publish(payload, header, passage, lane, target);
  }

  /** Puts a piece to those before it. A message that is too large for its channel is not kept. */
  #put(
    { payload, position }: Incoming,
    header: Header & { readonly part: NonNullable<Header['part']> },
    target: ImportTarget,
  ): Uint8Array | 'more' | 'hole' | 'late' | Refusal {
    // As JSON, it may be shorter here.
    const problem = isJson(header.encoding) ? undefined : target.lengthProblem(header.part.total);
    if (problem !== undefined) return { reason: 'TOO_LARGE', text: problem };
    return this.#assemblies.take(header, payload, position);
  }

  #publish(
    payload: Uint8Array,
    { incarnation, sequence, time }: Header,
    { channel }: Passage,
    lane: Lane,
    target: ImportTarget,
  ): Promise<void> | undefined {
    const origin: Origin = { incarnation, sequence, time: BigInt(time) };
    const done = () => {
      this.#assemblies.end(incarnation);
      lane.last = sequence;
      this.#parts.counters.messages++;
      this.#parts.counters.bytes += payload.length;
    };
    const failed = async (error: unknown) => {
      await this.#drop(channel);
      throw error;
    };
    let waits: Promise<void> | undefined;
    try {
      waits = target.publish(origin, payload, this.#closing.signal);
    } catch (error) {
      return failed(error);
    }
    if (waits !== undefined) return waits.then(done, failed);
    done();
    return undefined;
  }

  /** The message as the channel takes it, or why it does not. */
  #payloadFor(payload: Uint8Array, tag: string, target: ImportTarget): Uint8Array | Refusal {
    let fitting: Uint8Array | string = payload;
    if (tag !== target.tag && isJson(tag)) fitting = target.fromJson(payload);
    else {
      const difference = target.refusalOf(tag);
      if (difference !== undefined) {
        fitting = this.#parts.checksMessages ? (target.decodingProblem(payload) ?? payload) : difference;
      }
    }
    if (typeof fitting === 'string') return { reason: 'SCHEMA', text: fitting };
    const length = target.lengthProblem(fitting.length);
    return length === undefined ? fitting : { reason: 'TOO_LARGE', text: length };
  }

  #tellGap(passage: Passage, incarnation: string, from: number, to: number, reason: GapReason): void {
    const { counters, teller } = this.#parts;
    const count = to - from + 1;
    counters.gaps++;
    counters.missed += count;
    teller.gap({ ...passage, incarnation, from, to, count, reason });
  }

  #refuse(passage: Passage, { incarnation, sequence }: Header, reason: RefusalReason, message: string): void {
    this.#parts.counters.refused++;
    this.#parts.teller.refused({ ...passage, incarnation, sequence, reason, message });
  }

  #refuseForeign({ subject, header }: Incoming, channel: string): void {
    this.#parts.counters.refused++;
    const message =
      header === ''
        ? 'it has no header of a bridge'
        : `its header is not one of this version, or does not fit its subject: ${header.slice(0, 200)}`;
    const refusal = { direction: 'import', channel, subject, incarnation: '', sequence: 0 } as const;
    this.#parts.teller.refused({ ...refusal, reason: 'FOREIGN', message });
  }

  /** Tells of messages that were dropped here, up to that number. */
  tellBehind(passage: Passage, incarnation: string, to: number): void {
    const lane = this.lanes.get(incarnation);
    if (lane === undefined || lane.isOwn || to <= lane.last) return;
    this.#tellGap(passage, incarnation, lane.last + 1, to, 'behind');
    lane.last = to;
  }
}
