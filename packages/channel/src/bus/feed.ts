import { timers } from '@mmfbus/core/internal';
import { type Directory, directoryDefinition } from '../directory/directory.js';
import { decodeNotice, type Notice } from '../directory/directory-notice.js';
import { ChannelError } from '../foundation/errors.js';
import { openChannelMemory } from '../membership/channel-memory.js';
import { JoinedSubscriber, type Subscriber } from '../pubsub/subscriber.js';

/** Notices that wait for a slow loop; beyond that a look at everything is less work. */
const MOST_NOTICES = 1024;

/** A look that may have met a slot being reclaimed is made again after that time. */
const RECLAIMING_MS = 20;

/** Gathers what there is to look at, from a lossy subscription to the directory and from life lines. */
export class Feed {
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
  #failure: { readonly reason: unknown } | undefined;
  #wake: () => void = () => {};

  /** @throws {@link ChannelError} and `MmfError` as joining a channel does; the signal's reason when it aborts. */
  static async open(directory: Directory, signal: AbortSignal): Promise<Feed> {
    const definition = directoryDefinition(directory.place);
    const memory = await openChannelMemory(definition, 'open', signal);
    const subscriber = await JoinedSubscriber.open(definition, memory, { delivery: 'lossy' }, signal);
    try {
      signal.throwIfAborted();
      return new Feed(directory, subscriber);
    } catch (error) {
      await subscriber.close();
      throw error;
    }
  }

  private constructor(directory: Directory, subscriber: Subscriber<Uint8Array>) {
    this.#directory = directory;
    this.#subscriber = subscriber;
    this.#heard = directory.lastNotice();
    subscriber.on('message', ({ value, sequence }) => this.#hear(decodeNotice(value), () => sequence));
    subscriber.on('gap', ({ to }) => this.#hear(undefined, () => to));
    subscriber.on('error', () => this.#hear(undefined, () => directory.lastNotice()));
    subscriber.on('close', ({ reason }) => {
      this.#fail(new ChannelError('CORRUPTED', subscriber.channel, `the watch was cut off: ${reason}`));
    });
    this.#forgetDeaths = directory.watchDeaths(() => this.#lookAtAll());
  }

  /**
   * The next thing to look at: a channel, or all of them; undefined when there is nothing new.
   *
   * @throws what kept it from hearing more.
   */
  take(): Notice | 'all' | undefined {
    if (this.#failure !== undefined) throw this.#failure.reason;
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

  /** Resolves when there may be something to take. */
  async wait(): Promise<void> {
    if (this.#all || this.#notices.length > 0 || this.#failure !== undefined) return;
    await this.#woken();
  }

  /** Resolves when every notice that was given before this call is among those to take. */
  async catchUp(): Promise<void> {
    const last = this.#directory.lastNotice();
    while (this.#heard < last && this.#failure === undefined) await this.#woken();
  }

  /** Has the channel looked at once more in a moment. */
  lookAgain(channel: string): void {
    const timer = timers.setTimeout(() => {
      this.#timers.delete(timer);
      this.#notices.push({ kind: 'changed', channel });
      this.#wake();
    }, RECLAIMING_MS);
    this.#timers.add(timer);
  }

  /** Ends it. What waits here is woken up, to find out. */
  async close(): Promise<void> {
    for (const timer of this.#timers) timers.clearTimeout(timer);
    this.#forgetDeaths();
    this.#fail(new ChannelError('CLOSED', this.#subscriber.channel, 'the watch has ended'));
    await this.#subscriber.close();
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Nothing may be thrown here: the event loop calls it, and what it throws would end the process. */
  #hear(notice: Notice | undefined, sequenceOf: () => number): void {
    if (this.#failure !== undefined) return;
    try {
      const sequence = sequenceOf();
      this.#heard = sequence;
      // A participant that is new in the directory gives a notice; from then on its death is heard.
      this.#directory.watchNewcomers();
      if (sequence <= this.#seen) this.#wake();
      else if (notice === undefined || this.#notices.length >= MOST_NOTICES) this.#lookAtAll();
      else {
        this.#notices.push(notice);
        this.#wake();
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  #lookAtAll(): void {
    this.#all = true;
    this.#wake();
  }

  #fail(reason: unknown): void {
    this.#failure ??= { reason };
    this.#wake();
  }
}
