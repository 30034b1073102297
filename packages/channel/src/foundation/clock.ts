import { timers } from '@mmfbus/core/internal';

const SAMPLES = 20;
// The real clocks, whatever a test framework puts in their place.
const { now: performanceNow, hrtime } = timers;

/** Nanoseconds from the system's monotonic clock to this process's `performance.now()`. */
function findOrigin(): number {
  let narrowest = Number.POSITIVE_INFINITY;
  let origin = 0;
  for (let sample = 0; sample < SAMPLES; sample++) {
    const before = hrtime();
    const milliseconds = performanceNow();
    const after = hrtime();
    const width = Number(after - before);
    if (width >= narrowest) continue;
    narrowest = width;
    origin = Number(before) + width / 2 - milliseconds * 1e6;
  }
  return origin;
}

// Reading `performance.now()` takes a fraction of what `process.hrtime.bigint()` takes, and makes no BigInt.
const origin = findOrigin();

/**
 * The clock of message timestamps: nanoseconds of the system's monotonic clock, the same in every process of the
 * machine, so that the difference to a message's timestamp is its latency.
 */
export function monotonicNow(): number {
  return Math.round(origin + performanceNow() * 1e6);
}
