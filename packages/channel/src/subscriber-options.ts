import type { JoinOptions } from './join-options.js';
import {
  type Check,
  checkOptions,
  joinRules,
  milliseconds,
  oneOf,
  waitRules,
  wholeNumber,
} from './options.js';

/** Where a subscription begins; see `SubscriberOptions.start`. */
export type Start = 'latest' | 'earliest' | 'history' | { readonly after: number };

/** Options of a subscriber. */
export interface SubscriberOptions extends JoinOptions {
  /**
   * `reliable`: publishers wait for this subscriber when the ring is full, so it gets every message. `lossy`: they do
   * not, and it gets a `gap` event with what it lost. Defaults to `reliable`.
   */
  readonly mode?: 'reliable' | 'lossy' | undefined;
  /**
   * Where it begins:
   * - `latest`: with the next message that is published.
   * - `earliest`: with the oldest one that is in the ring.
   * - `history`: with the last ones that the channel's `history` promises.
   * - `{ after: n }`: with the one after number n. Where it is in the ring no longer, a `gap` event says what is missing.
   *   So a subscriber that comes back gets everything since the last message it had.
   *
   * Defaults to `history` in a channel that has one, else to `latest`.
   */
  readonly start?: Start | undefined;
  /**
   * Part of the ring that may be filled with what it has not read before a `slow` event says so. More than 0, at most 1.
   * Defaults to 0.5.
   */
  readonly slowAt?: number | undefined;
  /** Name of this participant, for those who look who takes part; at most 48 bytes are kept. Defaults to none. */
  readonly name?: string | undefined;
  /** Creates the channel when there is none. Defaults to true. */
  readonly create?: boolean | undefined;
  /**
   * Ends the subscription when the channel's last publisher has left or died, unless another one is there by then. With a
   * `timeout`, in milliseconds, it also ends when no publisher has come by then: one that died before it joined is never
   * heard of. Defaults to false.
   */
  readonly endWithPublishers?: boolean | { readonly timeout: number } | undefined;
  /**
   * Microseconds for which it keeps looking for the next message in turns of the event loop before it goes to sleep; the
   * window shrinks while that finds nothing. 0 = always sleep at once. Defaults to 200.
   */
  readonly pollWindow?: number | undefined;
}

/** Options of `Subscriber.drain`. */
export interface DrainOptions {
  /** Gives up with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Gives up with a `TIMEOUT` when no message was handled for that many milliseconds; Infinity waits for ever. Defaults to
   * 5000.
   */
  readonly timeout?: number | undefined;
}

/** Default of `slowAt`. */
export const DEFAULT_SLOW_AT = 0.5;
/** Default of `pollWindow`. */
export const DEFAULT_POLL_WINDOW = 200;
const LONGEST_POLL_WINDOW = 1_000_000;
const DEFAULT_DRAIN_TIMEOUT = 5000;

const startPlaces = oneOf('latest', 'earliest', 'history');
const sequence = wholeNumber(0, Number.MAX_SAFE_INTEGER);

const startCheck: Check = (value) => {
  const due = "'latest', 'earliest', 'history' or { after: a message's number }";
  if (typeof value !== 'object' || value === null) return startPlaces(value) && due;
  const { after, ...rest } = value as { readonly after?: unknown };
  return Object.keys(rest).length > 0 || sequence(after) !== undefined ? due : undefined;
};

const endCheck: Check = (value) => {
  if (typeof value === 'boolean') return undefined;
  const { timeout, ...rest } = (value ?? {}) as { readonly timeout?: unknown };
  const isRight = Object.keys(rest).length === 0 && milliseconds(timeout) === undefined;
  return isRight ? undefined : 'true, false or { timeout: milliseconds }';
};

const partOfOne: Check = (value) =>
  typeof value === 'number' && value > 0 && value <= 1 ? undefined : 'more than 0 and at most 1';

const rules: Readonly<Record<keyof SubscriberOptions, Check>> = {
  ...joinRules,
  mode: oneOf('reliable', 'lossy'),
  start: startCheck,
  slowAt: partOfOne,
  endWithPublishers: endCheck,
  pollWindow: wholeNumber(0, LONGEST_POLL_WINDOW),
};

/** Refuses options that there are not, and wrong values. */
export function checkSubscriberOptions(channel: string, options: SubscriberOptions): void {
  checkOptions(channel, 'subscriber()', options, rules);
}

/** Refuses options that there are not, and wrong values; fills in the defaults. */
export function checkDrainOptions(
  channel: string,
  options: DrainOptions,
): { readonly signal: AbortSignal | undefined; readonly timeout: number } {
  checkOptions(channel, 'drain()', options, waitRules);
  return { signal: options.signal, timeout: options.timeout ?? DEFAULT_DRAIN_TIMEOUT };
}
