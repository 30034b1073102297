import { monotonicTime, timers } from '@mmfbus/core/internal';

const SAMPLES = 20;
// The real clocks, whatever a test framework puts in their place.
const { now: performanceNow } = timers;

/** Nanoseconds from the system's monotonic clock to this process's `performance.now()`. */
function findOrigin(): number {
  let narrowest = Number.POSITIVE_INFINITY;
  let origin = 0;
  for (let sample = 0; sample < SAMPLES; sample++) {
    const before = monotonicTime();
    const milliseconds = performanceNow();
    const after = monotonicTime();
    const width = Number(after - before);
    if (width >= narrowest) continue;
    narrowest = width;
    origin = Number(before) + width / 2 - milliseconds * 1e6;
  }
  return origin;
}

let origin: number | undefined;

/**
 * The clock of message timestamps: nanoseconds of the system's monotonic clock, the same in every process of the
 * machine, so that the difference to a message's timestamp is its latency.
 */
export function monotonicNow(): number {
  // Reading `performance.now()` takes a fraction of what the other clock takes, and makes no BigInt.
  origin ??= findOrigin();
  return Math.round(origin + performanceNow() * 1e6);
}
