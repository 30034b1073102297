import { checkWhole } from './definition.js';
import { ChannelError } from './errors.js';

/** Options of a subscriber. */
export interface SubscriberOptions {
  /**
   * `reliable`: publishers wait for this subscriber when the ring is full, so it gets every message. `lossy`: they do
   * not, and it gets a `gap` event with what it lost. Defaults to `reliable`.
   */
  readonly mode?: 'reliable' | 'lossy' | undefined;
  /** Name of this participant, for those who look who takes part; at most 48 bytes are kept. Defaults to none. */
  readonly name?: string | undefined;
  /** Creates the channel when there is none. Defaults to true. */
  readonly create?: boolean | undefined;
  /** Ends the subscription when the channel's last publisher has left or died. Defaults to false. */
  readonly endWithPublishers?: boolean | undefined;
  /**
   * Microseconds for which it keeps looking for the next message in turns of the event loop before it goes to sleep; the
   * window shrinks while that finds nothing. 0 = always sleep at once. Defaults to 200.
   */
  readonly pollWindow?: number | undefined;
}

/** Default of `pollWindow`. */
export const DEFAULT_POLL_WINDOW = 200;
const LONGEST_POLL_WINDOW = 1_000_000;

/** Refuses options that are none. */
export function checkSubscriberOptions(channel: string, { mode, pollWindow }: SubscriberOptions): void {
  if (mode !== undefined && mode !== 'reliable' && mode !== 'lossy') {
    throw new ChannelError(
      'INVALID_ARGUMENT',
      channel,
      `mode must be reliable or lossy, not ${String(mode)}`,
    );
  }
  checkWhole(channel, 'pollWindow', pollWindow ?? DEFAULT_POLL_WINDOW, 0, LONGEST_POLL_WINDOW);
}
