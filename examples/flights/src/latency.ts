/** Buckets in which a latency doubles: one is 2.2 % wider than the one before. */
const BUCKETS_A_DOUBLING = 32;
/** Room for latencies up to 2^48 ns, more than three days. */
const DOUBLINGS = 48;

/**
 * Counts latencies in logarithmic buckets, so that any number of them takes the same memory. A percentile is therefore
 * approximate: at most 1.1 % off.
 */
export class LatencyHistogram {
  readonly #counts = new Float64Array(BUCKETS_A_DOUBLING * DOUBLINGS);
  #count = 0;

  /** Counts a latency in nanoseconds. */
  add(latency: number): void {
    const bucket = Math.floor(Math.log2(Math.max(latency, 1)) * BUCKETS_A_DOUBLING);
    this.#counts[Math.min(bucket, this.#counts.length - 1)]! += 1;
    this.#count++;
  }

  /**
   * The latency in nanoseconds that this part of the messages did not exceed; undefined before the first one.
   *
   * @param part for example 0.99.
   */
  percentile(part: number): number | undefined {
    if (this.#count === 0) return undefined;
    const rank = Math.max(1, Math.ceil(part * this.#count));
    let seen = 0;
    const bucket = this.#counts.findIndex((count) => {
      seen += count;
      return seen >= rank;
    });
    return 2 ** ((bucket + 0.5) / BUCKETS_A_DOUBLING);
  }
}
