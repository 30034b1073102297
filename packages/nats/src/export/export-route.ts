import { type Bus, ChannelError } from '@mmfbus/channel';
import { timers } from '@mmfbus/core/internal';
import type { Teller } from '../foundation/events.js';
import { retrying } from '../foundation/retry.js';
import type { ExportRoute } from '../route.js';
import { NameMap } from '../wire/names.js';
import { ChannelExport, ExportCounters } from './channel-export.js';
import type { Sink, SinkHooks } from './sink.js';

/** Milliseconds between two looks at a channel without publishers. */
const LOOK_MS = 500;

/** Parts of it. */
export interface ExportRouteParts {
  readonly bus: Bus;
  readonly route: ExportRoute;
  readonly scope: 'user' | 'machine';
  /** Name of the participants, for people. */
  readonly name: string;
  readonly host: string;
  readonly teller: Teller;
  makeSink(hooks: SinkHooks): Sink;
  /** Channels of these incarnations are ours. */
  readonly own: Set<string>;
  /** Settles when there are listeners: nothing is read before. */
  readonly whenHeard: Promise<void>;
}

/** A channel of the route. */
interface Exported {
  readonly subject: string;
  readonly counters: ExportCounters;
  /** Numbers up to which it went out, by incarnations. */
  readonly known: Map<string, number>;
  /** Undefined while it is not joined. */
  running: ChannelExport | undefined;
  /** Whether it is looked after: joined, or looked at from time to time. */
  isRunning: boolean;
  /** Whether to join it again when it was left: something has changed meanwhile. */
  isWanted: boolean;
  /** Ends a pause between two looks. */
  wake: () => void;
}

/** All channels that one route exports. */
export class ExportRouteRunner {
  readonly #parts: ExportRouteParts;
  readonly #names: NameMap;
  readonly #channels = new Map<string, Exported>();
  readonly #runs = new Set<Promise<void>>();
  /** Attempts to join that go on. */
  readonly #attempts = new Set<Promise<unknown>>();
  readonly #closing = new AbortController();

  constructor(parts: ExportRouteParts) {
    this.#parts = parts;
    this.#names = new NameMap(parts.route.export, parts.route.to);
  }

  /** Its channels so far. */
  *states(): Iterable<{ channel: string; subject: string; counters: ExportCounters; lag: number }> {
    for (const [channel, { subject, counters, running }] of this.#channels) {
      yield { channel, subject, counters, lag: running?.lag ?? 0 };
    }
  }

  /**
   * A channel exists, or has a publisher more.
   *
   * @param isNew whether it was opened after the bridge.
   */
  onChannel(channel: string, isNew: boolean): void {
    if (this.#closing.signal.aborted || !this.#names.means(channel)) return;
    const exported = this.#exportedOf(channel);
    if (exported === undefined) return;
    if (exported.isRunning) {
      exported.isWanted = true;
      exported.wake();
      return;
    }
    exported.isRunning = true;
    const run = this.#run(channel, exported, isNew).finally(() => this.#runs.delete(run));
    this.#runs.add(run);
  }

  /** Settles when the channels that were told of are joined, or were tried in vain. */
  async whenTried(): Promise<void> {
    await Promise.allSettled(this.#attempts);
  }

  /** Reads no more; waits for what is under way, as long as the signal allows. */
  async close(signal: AbortSignal): Promise<void> {
    this.#closing.abort(new Error('the bridge was closed'));
    await Promise.all([...this.#channels.values()].map(({ running }) => running?.close(signal)));
    await Promise.all(this.#runs);
  }

  #exportedOf(channel: string): Exported | undefined {
    const known = this.#channels.get(channel);
    if (known !== undefined) return known;
    const { route, teller } = this.#parts;
    const subject = this.#names.subjectOf(channel);
    if (subject === undefined) {
      const error = new Error('its name cannot be a subject, which has no empty parts between its points');
      teller.trouble({ direction: 'export', channel, subject: route.to, error });
      return undefined;
    }
    const exported: Exported = {
      subject,
      counters: new ExportCounters(),
      known: new Map(),
      running: undefined,
      isRunning: false,
      isWanted: false,
      wake: () => {},
    };
    this.#channels.set(channel, exported);
    return exported;
  }

  async #run(channel: string, exported: Exported, isNew: boolean): Promise<void> {
    const { signal } = this.#closing;
    const { teller, own } = this.#parts;
    const { subject } = exported;
    let isLate = isNew;
    try {
      do {
        exported.isWanted = false;
        const running = await retrying(
          () => this.#attempt(channel, exported, isLate),
          (error) => teller.trouble({ direction: 'export', channel, subject, error }),
          signal,
        );
        if (running === undefined) continue;
        if (running.incarnation !== undefined) own.add(running.incarnation);
        await running.ended;
        exported.running = undefined;
        // What was published meanwhile is still in the ring.
        isLate = true;
        await this.#untilWanted(channel, exported, running);
      } while (exported.isWanted);
    } catch {
      // It was closed.
    } finally {
      exported.running = undefined;
      exported.isRunning = false;
    }
  }

  /**
   * Waits until there is a publisher or a message in a channel that was left, or the channel is gone. The watch tells of publishers;
   * of one that comes and goes between two looks of the watch, only what it has published is left.
   */
  async #untilWanted(
    channel: string,
    exported: Exported,
    { incarnation, sequence }: ChannelExport,
  ): Promise<void> {
    const { signal } = this.#closing;
    for (;;) {
      signal.throwIfAborted();
      if (exported.isWanted) return;
      const pause = new AbortController();
      exported.wake = () => pause.abort();
      await timers.sleep(LOOK_MS, { signal: AbortSignal.any([signal, pause.signal]) }).catch(() => {});
      signal.throwIfAborted();
      try {
        const info = await this.#parts.bus.inspect(channel, { signal });
        if (info === undefined) return;
        exported.isWanted ||= info.incarnation !== incarnation || info.published > sequence;
      } catch {
        // Joining it says what is wrong.
        exported.isWanted = true;
      }
    }
  }

  #attempt(channel: string, exported: Exported, isLate: boolean): Promise<ChannelExport | undefined> {
    const attempt = this.#start(channel, exported, isLate).finally(() => this.#attempts.delete(attempt));
    this.#attempts.add(attempt);
    return attempt;
  }

  /** Undefined where the channel exists no more. */
  async #start(channel: string, exported: Exported, isLate: boolean): Promise<ChannelExport | undefined> {
    const { route, scope, name, host, teller, makeSink, whenHeard } = this.#parts;
    const { stream, whenBehind = 'gap', start = 'latest', forward = false, payload = 'encoded' } = route;
    const running = new ChannelExport({
      source: {
        channel,
        scope,
        name,
        delivery: whenBehind === 'wait' ? 'reliable' : 'lossy',
        start: stream !== undefined || isLate ? 'earliest' : start,
      },
      subject: exported.subject,
      owesAll: stream !== undefined || isLate,
      forwards: forward,
      asJson: payload === 'json',
      host,
      counters: exported.counters,
      teller,
      makeSink,
      known: exported.known,
      whenHeard,
    });
    exported.running = running;
    try {
      await running.start();
      return running;
    } catch (error) {
      await running.close(AbortSignal.abort());
      exported.running = undefined;
      if (error instanceof ChannelError && error.code === 'NOT_FOUND') return undefined;
      throw error;
    }
  }
}
