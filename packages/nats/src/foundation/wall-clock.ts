import { monotonicNow } from '@mmfbus/channel';

/** How long the difference of the two clocks is taken for the same, nanoseconds: the wall clock may be set. */
const VALID_NS = 1e9;

let difference = 0;
let takenAt = Number.NEGATIVE_INFINITY;

/**
 * When something happened, as nanoseconds since 1970, exact to microseconds, in decimal digits.
 *
 * @param timestamp of the monotonic clock; 0 for now.
 */
export function wallTime(timestamp: number): string {
  let time = timestamp;
  // Asking the clock takes as long as the rest.
  if (!(Math.abs(time - takenAt) < VALID_NS)) {
    const now = monotonicNow();
    if (time === 0) time = now;
    if (now - takenAt > VALID_NS) {
      difference = Date.now() * 1000 - now / 1000;
      takenAt = now;
    }
  }
  return `${Math.round(time / 1000 + difference)}000`;
}
