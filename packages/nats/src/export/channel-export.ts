import type { Passage, Teller } from '../foundation/events.js';
import { wallTime } from '../foundation/wall-clock.js';
import { readHeader, writeHeader } from '../wire/header.js';
import { JsonConverter } from '../wire/json-converter.js';
import { ChannelSource, type Frame, type SourceOptions } from './channel-source.js';
import { isLast } from './pieces.js';
import type { Outgoing, Sink, SinkHooks } from './sink.js';

const NOTHING = new Uint8Array(0);

/** What an export did. */
export class ExportCounters {
  messages = 0;
  bytes = 0;
  gaps = 0;
  missed = 0;
  refused = 0;
}

/** What the messages of one incarnation have in common. */
interface Lane {
  readonly incarnation: string;
  readonly subject: string;
  /** Number of the last message that went to the sink; 0 for none. */
  last: number;
}

/** Parts of an export. */
export interface ExportParts {
  readonly source: SourceOptions;
  /** Without the incarnation. */
  readonly subject: string;
  /** Whether all messages of the channel are owed, from the first one on: what the ring has lost by now is told as a gap. */
  readonly owesAll: boolean;
  /** Whether what comes from other machines goes on to others. */
  readonly forwards: boolean;
  /** Whether messages are published as JSON. */
  readonly asJson: boolean;
  readonly host: string;
  readonly counters: ExportCounters;
  readonly teller: Teller;
  makeSink(hooks: SinkHooks): Sink;
  /** Numbers up to which incarnations went out before, as far as this process knows. */
  readonly known: Map<string, number>;
  /** Settles when there are listeners: nothing is read before. */
  readonly whenHeard: Promise<void>;
}

/** One channel on its way to one subject. */
export class ChannelExport {
  /** Settles when it has left the channel by itself: its publishers are gone, and everything went out; or it cannot go on. */
  readonly ended: Promise<void>;
  readonly #parts: ExportParts;
  readonly #passage: Passage;
  readonly #sink: Sink;
  readonly #closing = new AbortController();
  readonly #lanes = new Map<string, Lane>();
  /** That of the channel itself. */
  #own: Lane | undefined;
  #source: ChannelSource | undefined;
  /** Makes JSON of messages, where that is wanted. */
  #converter: JsonConverter | undefined;
  /** A frame whose lane is being looked up: nothing is taken meanwhile. */
  #isLookingUp = false;
  /** Whether the first frame is still to come, before which some may be missing. */
  #isAtStart = true;
  #isFinishing = false;
  #lastTrouble = '';
  #settleEnded: () => void = () => {};

  constructor(parts: ExportParts) {
    this.#parts = parts;
    const { source, subject } = parts;
    this.#passage = { direction: 'export', channel: source.channel, subject };
    this.ended = new Promise((resolve) => {
      this.#settleEnded = resolve;
    });
    this.#sink = parts.makeSink({
      room: () => this.#source?.schedule(),
      sent: (message) => this.#onSent(message),
      refused: (message, reason, why) => this.#onRefused(message, reason, why),
      substitute: (message) => this.#substituteOf(message),
      trouble: (error) => this.#tellTrouble(error),
    });
  }

  /** Bytes of the ring that were published and not read yet. */
  get lag(): number {
    return this.#source?.lag ?? 0;
  }

  /** Of the channel, once joined. */
  get incarnation(): string | undefined {
    return this.#source?.incarnation;
  }

  /** Number up to which everything of the channel was taken. */
  get sequence(): number {
    return this.#source?.sequence ?? 0;
  }

  /**
   * Joins the channel, finds out what went out before, and begins.
   *
   * @throws what joining throws, or the reason why this was closed meanwhile.
   */
  async start(): Promise<void> {
    const { signal } = this.#closing;
    const { source: options, known } = this.#parts;
    const source = await ChannelSource.open(
      options,
      {
        room: () => (this.#isLookingUp ? 0 : this.#sink.room),
        message: (frame) => this.#onFrame(frame),
        gap: (from, to) => this.#onGap(from, to),
        publishersGone: () => void this.#finish(),
        error: (error) => this.#tellTrouble(error),
        ended: (reason) => {
          this.#tellTrouble(new Error(`the subscription has ended: ${reason}`));
          void this.#finish();
        },
      },
      signal,
    );
    this.#source = source;
    if (this.#parts.asJson) this.#converter = new JsonConverter(source.encoding);
    if (signal.aborted) {
      await source.close();
      signal.throwIfAborted();
    }
    const { incarnation } = source;
    const before = known.get(incarnation) ?? (await this.#sink.lastOf(this.#subjectOf(incarnation), signal));
    // What it is to leave out counts as having gone out: who had messages before hears of a gap.
    const last = before ?? (options.start === 'latest' ? source.sequence : 0);
    known.set(incarnation, last);
    this.#own = this.#laneOf(incarnation, last);
    void this.#parts.whenHeard.then(() => source.schedule());
  }

  /** Reads no more, waits for what is under way, as long as the signal allows, and leaves the channel. */
  async close(signal: AbortSignal): Promise<void> {
    this.#closing.abort(new Error('the bridge was closed'));
    await this.#source?.close();
    try {
      await this.#sink.flush(signal);
    } catch {
      // What was not stored is read again, by the bridge that comes next.
    }
    this.#sink.close();
    this.#settleEnded();
  }

  async #finish(): Promise<void> {
    if (this.#isFinishing) return;
    this.#isFinishing = true;
    const { signal } = this.#closing;
    try {
      await this.#sink.flush(signal);
    } catch {
      return;
    }
    if (!signal.aborted) await this.close(signal);
  }

  #laneOf(incarnation: string, last: number): Lane {
    const lane = { incarnation, subject: this.#subjectOf(incarnation), last };
    this.#lanes.set(incarnation, lane);
    return lane;
  }

  #subjectOf(incarnation: string): string {
    return `${this.#passage.subject}.${incarnation}`;
  }

  /** Takes a frame; returns whether to go on. */
  #onFrame(frame: Frame): boolean {
    const own = this.#own as Lane;
    if (this.#isAtStart) this.#onGap(frame.sequence, frame.sequence - 1);
    const { origin } = frame;
    if (origin === undefined) {
      this.#pass(own, frame.sequence, wallTime(frame.timestamp), frame.payload);
      return true;
    }
    if (!this.#parts.forwards) return true;
    const lane = this.#lanes.get(origin.incarnation);
    if (lane === undefined) {
      void this.#lookUp(origin.incarnation, frame);
      return false;
    }
    this.#pass(lane, origin.sequence, `${origin.time}`, frame.payload);
    return true;
  }

  /** Finds out what went out of an incarnation, by whichever bridge; then the frame goes out that asked for it. */
  async #lookUp(incarnation: string, { origin, payload }: Frame): Promise<void> {
    this.#isLookingUp = true;
    const { signal } = this.#closing;
    try {
      const last = (await this.#sink.lastOf(this.#subjectOf(incarnation), signal)) ?? 0;
      const lane = this.#laneOf(incarnation, last);
      if (origin !== undefined) this.#pass(lane, origin.sequence, `${origin.time}`, payload);
    } catch {
      return;
    } finally {
      this.#isLookingUp = false;
    }
    this.#source?.schedule();
  }

  #pass(lane: Lane, sequence: number, time: string, payload: Uint8Array): void {
    // It went out before, when this bridge, or another one, ran the last time.
    if (sequence <= lane.last) return;
    const prev = lane.last;
    lane.last = sequence;
    const message = this.#outgoing(lane, { sequence, prev, time, payload });
    if (this.#converter === undefined) {
      this.#sink.send(message);
      return;
    }
    const converted = this.#converter.toJson(payload);
    if (typeof converted !== 'string') {
      this.#sink.send({ ...message, payload: converted });
      return;
    }
    this.#onRefused(message, 'SCHEMA', converted);
    this.#sink.send(this.#gapOf(lane, { from: sequence, to: sequence, prev, time, reason: 'refused' }));
  }

  /** Messages of this channel that were overwritten before they were read. */
  #onGap(from: number, to: number): void {
    const own = this.#own as Lane;
    const { incarnation } = own;
    const { counters, teller, owesAll } = this.#parts;
    // Before the first message also what was overwritten before this had joined.
    const isOwed = this.#isAtStart && (own.last > 0 || owesAll);
    this.#isAtStart = false;
    const first = isOwed ? own.last + 1 : Math.max(from, own.last + 1);
    if (first > to) return;
    const count = to - first + 1;
    counters.gaps++;
    counters.missed += count;
    teller.gap({ ...this.#passage, incarnation, from: first, to, count, reason: 'ring' });
    const prev = own.last;
    own.last = to;
    this.#sink.send(this.#gapOf(own, { from: first, to, prev, time: wallTime(0), reason: 'ring' }));
  }

  #outgoing(
    lane: Lane,
    { sequence, prev, time, payload }: { sequence: number; prev: number; time: string; payload: Uint8Array },
  ): Outgoing {
    const { incarnation, subject } = lane;
    return {
      subject,
      incarnation,
      sequence,
      header: this.#header(incarnation, { sequence, prev, time }),
      payload,
      piece: undefined,
      isGap: false,
    };
  }

  #substituteOf({ incarnation, sequence, header }: Outgoing): Outgoing {
    const lane = this.#lanes.get(incarnation) as Lane;
    const { prev = 0, time = wallTime(0) } = readHeader(header) ?? {};
    return this.#gapOf(lane, { from: sequence, to: sequence, prev, time, reason: 'refused' });
  }

  #gapOf(
    { incarnation, subject }: Lane,
    {
      from,
      to,
      prev,
      time,
      reason,
    }: { from: number; to: number; prev: number; time: string; reason: string },
  ): Outgoing {
    return {
      subject,
      incarnation,
      sequence: to,
      header: this.#header(incarnation, { sequence: to, prev, time, gap: { reason, from } }),
      payload: NOTHING,
      piece: undefined,
      isGap: true,
    };
  }

  #header(
    incarnation: string,
    rest: {
      readonly sequence: number;
      readonly prev: number;
      readonly time: string;
      readonly gap?: { readonly reason: string; readonly from: number };
    },
  ): string {
    const { tag } = this.#converter ?? (this.#source as ChannelSource);
    return writeHeader({
      gap: undefined,
      part: undefined,
      ...rest,
      incarnation,
      encoding: tag,
      host: this.#parts.host,
    });
  }

  #onSent(message: Outgoing): void {
    const { incarnation, sequence, payload, isGap } = message;
    const { counters, known } = this.#parts;
    counters.bytes += payload.length;
    if (!isLast(message)) return;
    known.set(incarnation, Math.max(sequence, known.get(incarnation) ?? 0));
    this.#lastTrouble = '';
    if (!isGap) counters.messages++;
  }

  #onRefused(
    { incarnation, sequence }: Outgoing,
    reason: 'TOO_LARGE' | 'STREAM' | 'SCHEMA',
    message: string,
  ): void {
    this.#parts.counters.refused++;
    this.#parts.teller.refused({ ...this.#passage, incarnation, sequence, reason, message });
  }

  #tellTrouble(error: Error): void {
    if (error.message === this.#lastTrouble) return;
    this.#lastTrouble = error.message;
    this.#parts.teller.trouble({ ...this.#passage, error });
  }
}
