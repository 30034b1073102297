import type { Situation } from './contract.js';

/** One cell to play. */
export interface StageOrder {
  readonly subject: string;
  readonly situation: Situation;
}

/** What came out of it. */
export interface StageAnswer {
  readonly outcome: string;
  /** What must never be, whatever came out. */
  readonly faults: readonly string[];
  /** Whether this process can play no other cell. */
  readonly isSpent: boolean;
}
