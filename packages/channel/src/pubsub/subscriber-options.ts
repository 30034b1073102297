import { anyPosition } from '../endpoint/position.js';
import type { Start, StartAfter } from '../endpoint/start.js';
import {
  anyPollWindow,
  type Check,
  checkOptions,
  joinRules,
  milliseconds,
  oneOf,
  waitRules,
} from '../foundation/options.js';
import type { JoinOptions } from './join-options.js';

/** Options of a subscriber. */
export interface SubscriberOptions extends JoinOptions {
  /**
   * `reliable`: publishers wait for this subscriber when the ring is full, so it gets every message. `lossy`: they do
   * not, and it gets a `gap` event with what it lost. Defaults to `reliable`.
   */
  readonly delivery?: 'reliable' | 'lossy' | undefined;
  /**
   * Where it begins:
   * - `latest`: with the next message that is published.
   * - `earliest`: with the oldest one that is in the ring.
   * - `history`: with the last ones that the channel's `history` promises.
   * - `{ after: position }`: with the message after that position, as `position` of a subscriber or publisher says it. Where
   *   it is in the ring no longer, a `gap` event says what is missing. So a subscriber that comes back gets everything since
   *   the last message it had. `otherwise` says what to do when the channel has ended since, and this is another one.
   *
   * Defaults to `history` in a channel that has one, else to `latest`.
   */
  readonly start?: Start | undefined;
  /**
   * Part of the ring that may be filled with what it has not read before a `slow` event says so. More than 0, at most 1.
   * Defaults to 0.5.
   */
  readonly slowThreshold?: number | undefined;
  /**
   * Ends the subscription when the channel's last publisher has left or died, unless another one is there by then. With a
   * `timeout`, in milliseconds, it also ends when no publisher has come by then: one that died before it joined is never
   * heard of. Defaults to false.
   */
  readonly closeWithPublishers?: boolean | { readonly timeout: number } | undefined;
  /**
   * Milliseconds for which it keeps looking for the next message in turns of the event loop before it goes to sleep; the
   * window shrinks while that finds nothing. 0 = always sleep at once. Defaults to 0.2.
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

/** Default of `slowThreshold`. */
export const DEFAULT_SLOW_THRESHOLD = 0.5;
const DEFAULT_DRAIN_TIMEOUT = 5000;

const startPlaces = oneOf('latest', 'earliest', 'history');
const otherPlaces = oneOf('error', 'earliest', 'latest');

/** Where to begin. */
export const startCheck: Check = (value) => {
  const due = "'latest', 'earliest', 'history' or { after: position }";
  if (typeof value !== 'object' || value === null) return startPlaces(value) && due;
  const { after, otherwise = 'error', ...rest } = value as Partial<StartAfter>;
  const problem = anyPosition(after) ?? otherPlaces(otherwise);
  if (problem !== undefined) return `${due}, with ${problem}`;
  return Object.keys(rest).length > 0 ? due : undefined;
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
  delivery: oneOf('reliable', 'lossy'),
  start: startCheck,
  slowThreshold: partOfOne,
  closeWithPublishers: endCheck,
  pollWindow: anyPollWindow,
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
