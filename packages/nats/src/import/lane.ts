/** What is known of an incarnation. */
export interface Lane {
  /** Number of the last message that is in the ring, or was told to be missing; 0 for none. */
  last: number;
  /** Whether it is of a channel of this machine. */
  readonly isOwn: boolean;
}
