/** A measurement that only mmfbus is asked for, in a process of its own. */
export interface OwnJob {
  readonly what: 'poll-throughput' | 'busy-round-trip' | 'lossy-cost' | 'idle' | 'heap';
  readonly name: string;
  /** Messages, or with `idle` milliseconds. */
  readonly amount: number;
  /** Subscribers, or channels. */
  readonly count: number;
}
