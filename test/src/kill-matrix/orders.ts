import type { ChannelOptions, PublisherOptions, PublishOutcome, SubscriberOptions } from '@mmfbus/channel';

/** Where in its life an actor stops: right after it has taken this step so often, counted from the arming. */
export interface Point {
  readonly step: string;
  readonly occurrence: number;
}

/**
 * How it stops there:
 * - `kill`: it ends itself as SIGKILL does.
 * - `stall`: it lives on and does nothing any more.
 * - `stop`: SIGSTOP, so that SIGCONT lets it go on; for POSIX.
 */
export type Stop = 'kill' | 'stall' | 'stop';

/** What an actor says by itself: it is ready for orders, or has come to the point where it stops. */
export type Announcement =
  | { readonly ready: true }
  | { readonly holds: true }
  | { readonly stops: Stop; readonly seen: readonly string[] };

/** One order, and the answer to it. */
export interface OrderLine {
  readonly id: number;
  readonly order: string;
  readonly args: readonly unknown[];
}
export interface AnswerLine {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** What an actor does when told. It is one publisher at most, and any number of subscribers, which have names. */
export interface Orders {
  /** Forgets the last play; where files live, what the channel is. */
  begin(directory: string, channel: ChannelOptions<string>): void;
  openPublisher(options?: PublisherOptions): Promise<void>;
  /** Of the channel that the publisher is in. */
  incarnation(): string;
  /** `listens`: it has listeners and sleeps where nothing comes. Otherwise it is polled by {@link Orders.hears}. */
  openSubscriber(name: string, options?: SubscriberOptions, listens?: boolean): Promise<void>;
  /** Adds the listener to one that was opened without. */
  listen(name: string): void;
  tryPublish(value: string): PublishOutcome;
  tryPublishAll(values: readonly string[]): PublishOutcome;
  publish(value: string): Promise<number>;
  waitForSubscribers(count: number): Promise<number>;
  /** Publishes the value until there is no room; how often. */
  fill(value: string): number;
  /** Takes what is there. */
  poll(name: string): void;
  /** Returns when the subscriber has had that entry, so often; polls it where it does not listen. Defaults to once. */
  hears(name: string, entry: string, times?: number): Promise<void>;
  log(name: string): readonly string[];
  /** Returns when the one participant that can sleep does. */
  asleep(): Promise<void>;
  /** Counts steps from now on, to stop at a point; how many it has taken before. */
  arm(point: Point | undefined, how: Stop): number;
  /** All steps since the beginning. */
  seen(): readonly string[];
  /** What was recovered from the dead since the beginning, as `slot` and `lock`. */
  recovered(): readonly string[];
  closePublisher(): Promise<void>;
  closeSubscriber(name: string): Promise<void>;
  /** Does nothing at all until that file is there. */
  hold(file: string): void;
  /** Lets its event loop turn that often. */
  turn(times: number): Promise<void>;
  /** Bytes of ArrayBuffers, after a garbage collection. */
  memory(): Promise<number>;
  /** Leaves whatever it is in. */
  leaveAll(): Promise<void>;
}

/**
 * The text that a short one stands for, so that logs are readable: `a*2000` is 2000 characters, of which each part can
 * be told from any other.
 */
export function expand(short: string): string {
  const [name = '', length] = short.split('*');
  if (length === undefined) return name;
  let text = `${name} `;
  for (let count = 0; text.length < Number(length); count++) text += `${count} `;
  return text.slice(0, Number(length));
}

/** The short text of a text. */
export function abbreviate(text: string): string {
  if (!text.includes(' ')) return text;
  const short = `${/^\w+/.exec(text)?.[0]}*${text.length}`;
  return text === expand(short) ? short : 'mangled';
}
