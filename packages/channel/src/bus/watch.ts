import { openChannelMemory } from '../channel-memory.js';
import { ChannelError } from '../errors.js';
import { Subscriber } from '../subscriber.js';
import type { BusChange, ParticipantInfo } from './channel-info.js';
import { type Directory, directoryDefinition } from './directory.js';
import { decodeNotice, type Notice } from './directory-notice.js';

/** Notices that wait for whoever watches; beyond that a look at everything is less work. */
const MOST_NOTICES = 1024;

/** A look that may have met a burial is made again after that time. */
const BURIAL_MS = 20;

/** Gathers what there is to look at, from a lossy subscription to the directory and from life lines. */
class Feed {
  readonly #directory: Directory;
  readonly #subscriber: Subscriber<Uint8Array>;
  readonly #forgetDeaths: () => void;
  #notices: Notice[] = [];
  /** Whether to look at everything: at the start, after deaths, and after notices were lost. */
  #all = true;
  /** Number of the last notice that the subscription has taken. */
  #heard: number;
  /** Notices up to this number tell of what a look at everything has seen already. */
  #seen = 0;
  readonly #timers = new Set<NodeJS.Timeout>();
  #failure: ChannelError | undefined;
  #wake: () => void = () => {};

  static async open(directory: Directory): Promise<Feed> {
    const definition = directoryDefinition(directory.namespace, undefined);
    const memory = openChannelMemory(definition, false);
    return new Feed(directory, await Subscriber.open(definition, memory, { mode: 'lossy' }));
  }

  private constructor(directory: Directory, subscriber: Subscriber<Uint8Array>) {
    this.#directory = directory;
    this.#subscriber = subscriber;
    this.#heard = directory.lastNotice();
    subscriber.on('message', (bytes, { sequence }) => this.#hear(decodeNotice(bytes), sequence));
    subscriber.on('gap', ({ to }) => this.#hear(undefined, to));
    subscriber.on('error', () => this.#hear(undefined, directory.lastNotice()));
    subscriber.on('close', ({ reason }) => {
      this.#failure = new ChannelError('CORRUPTED', subscriber.channel, `the watch was cut off: ${reason}`);
      this.#wake();
    });
    this.#forgetDeaths = directory.watchDeaths(() => this.#lookAtAll());
  }

  /** The next thing to look at: a channel, or all of them; undefined when there is nothing new. */
  take(): Notice | 'all' | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    if (!this.#all) return this.#notices.shift();
    this.#all = false;
    this.#notices = [];
    this.#seen = this.#directory.lastNotice();
    this.#directory.watchNewcomers();
    return 'all';
  }

  /** Whether a notice of the channel waits to be taken, of that kind or of any. */
  expects(channel: string, kind?: Notice['kind']): boolean {
    return this.#notices.some((one) => one.channel === channel && (kind === undefined || one.kind === kind));
  }

  /** Resolves when there may be something to take, or {@link Feed.wake} was called. */
  async wait(): Promise<void> {
    if (this.#all || this.#notices.length > 0 || this.#failure !== undefined) return;
    await this.#woken();
  }

  /** Resolves when every notice that was given before this call is among those to take. */
  async catchUp(): Promise<void> {
    const last = this.#directory.lastNotice();
    while (this.#heard < last && this.#failure === undefined) await this.#woken();
  }

  wake(): void {
    this.#wake();
  }

  /** Has the channel looked at once more in a moment. */
  lookAgain(channel: string): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#notices.push({ kind: 'changed', channel });
      this.#wake();
    }, BURIAL_MS);
    this.#timers.add(timer);
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#forgetDeaths();
    this.#subscriber.removeAllListeners();
    await this.#subscriber.close();
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #hear(notice: Notice | undefined, sequence: number): void {
    this.#heard = sequence;
    // Whoever is new in the directory gives a notice; from then on it is heard when it dies.
    this.#directory.watchNewcomers();
    if (sequence <= this.#seen) this.#wake();
    else if (notice === undefined || this.#notices.length >= MOST_NOTICES) this.#lookAtAll();
    else {
      this.#notices.push(notice);
      this.#wake();
    }
  }

  #lookAtAll(): void {
    this.#all = true;
    this.#wake();
  }
}

/** What a watch has reported so far: the open channels and their participants. */
class Known {
  readonly #channels = new Map<string, ReadonlyMap<string, ParticipantInfo>>();
  readonly #lookAgain: (channel: string) => void;

  /** @param lookAgain has a channel looked at once more in a moment. */
  constructor(lookAgain: (channel: string) => void) {
    this.#lookAgain = lookAgain;
  }

  /** The names of the channels. */
  names(): string[] {
    return [...this.#channels.keys()];
  }

  /** What is new since: `participants` take part in the channel now, undefined for nobody. */
  update(channel: string, found: ReadonlyMap<string, ParticipantInfo> | undefined): BusChange[] {
    const before = this.#channels.get(channel);
    const participants = found && this.#withoutBuriers(channel, before, found);
    const changes: BusChange[] = [];
    if (before === undefined && participants !== undefined) changes.push({ type: 'opened', channel });
    for (const [key, participant] of before ?? []) {
      if (!participants?.has(key)) changes.push({ type: 'left', channel, participant });
    }
    for (const [key, participant] of participants ?? []) {
      if (!before?.has(key)) changes.push({ type: 'joined', channel, participant });
    }
    if (before !== undefined && participants === undefined) changes.push({ type: 'closed', channel });
    if (participants === undefined) this.#channels.delete(channel);
    else this.#channels.set(channel, participants);
    return changes;
  }

  /**
   * Whoever buries a dead participant has its slot for a moment, with the role and the name of the dead. So one who has come
   * into the slot of another that was known counts only when a second look sees it too.
   */
  #withoutBuriers(
    channel: string,
    before: ReadonlyMap<string, ParticipantInfo> = new Map(),
    found: ReadonlyMap<string, ParticipantInfo>,
  ): ReadonlyMap<string, ParticipantInfo> {
    const taken = new Set([...before.values()].map(({ slot }) => slot));
    const sure = [...found].filter(([key, { slot }]) => before.has(key) || !taken.has(slot));
    if (sure.length < found.size) this.#lookAgain(channel);
    return new Map(sure);
  }

  /** What is new since: a channel was listed, and may be gone again by now. */
  open(channel: string): BusChange[] {
    return this.#channels.has(channel) ? [] : this.update(channel, new Map());
  }
}

/*
 * A look shows how things are now, notices tell how they were. Where the channel was closed before the look, and opened
 * again, that notice waits still, and what was seen came after it: then the look is left to the notices that follow.
 */

async function lookAtAll(directory: Directory, feed: Feed, known: Known): Promise<BusChange[]> {
  const found = await directory.list();
  await feed.catchUp();
  const gone = known.names().filter((name) => !found.has(name));
  return [
    ...gone.flatMap((name) => known.update(name, undefined)),
    ...[...found].flatMap(([name, seen]) =>
      seen === 'failed' || feed.expects(name, 'closed') ? [] : known.update(name, seen.living),
    ),
  ];
}

async function lookAtOne(
  directory: Directory,
  feed: Feed,
  known: Known,
  { kind, channel }: Notice,
): Promise<BusChange[]> {
  if (kind === 'closed') return known.update(channel, undefined);
  const changes = kind === 'opened' ? known.open(channel) : [];
  if (feed.expects(channel)) return changes;
  const seen = directory.tryInspect(channel);
  // Where nobody takes part any more, a notice or a death tells that it was closed.
  if (seen === undefined || seen === 'failed') return changes;
  await feed.catchUp();
  return feed.expects(channel, 'closed') ? changes : [...changes, ...known.update(channel, seen.living)];
}

/**
 * Reports what changes about the channels, beginning with what there is.
 *
 * @param closing ends it in good order.
 * @param signal ends it by throwing its reason.
 */
export async function* watchDirectory(
  directory: Directory,
  closing: AbortSignal,
  signal: AbortSignal | undefined,
): AsyncGenerator<BusChange, void, undefined> {
  signal?.throwIfAborted();
  const feed = await Feed.open(directory);
  const known = new Known((channel) => feed.lookAgain(channel));
  const wake = () => feed.wake();
  signal?.addEventListener('abort', wake);
  // At once, also where nobody asks this iteration for more: nothing of it outlives the bus.
  const end = () => {
    feed.wake();
    void feed.close();
  };
  closing.addEventListener('abort', end);
  try {
    for (;;) {
      if (closing.aborted) return;
      signal?.throwIfAborted();
      const news = feed.take();
      if (news === undefined) await feed.wait();
      else if (news === 'all') yield* await lookAtAll(directory, feed, known);
      else yield* await lookAtOne(directory, feed, known, news);
    }
  } catch (error) {
    if (!closing.aborted) throw error;
  } finally {
    signal?.removeEventListener('abort', wake);
    closing.removeEventListener('abort', end);
    await feed.close();
  }
}
