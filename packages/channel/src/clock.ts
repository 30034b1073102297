/** Nanoseconds between the system's monotonic clock and this process's `performance.now()`. */
const origin = Number(process.hrtime.bigint()) - performance.now() * 1e6;

/**
 * The clock of message timestamps: nanoseconds of the system's monotonic clock, the same in every process of the
 * machine, so that the difference to a message's timestamp is its latency.
 */
export function now(): number {
  return Math.round(origin + performance.now() * 1e6);
}
