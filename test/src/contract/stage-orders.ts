import type { Situation } from './contract.js';
import type { Action, Delivery, Way } from './sequences.js';

/** One cell to play. */
export interface CellOrder {
  readonly subject: string;
  readonly situation: Situation;
}

/** All sequences to play that begin with that action. */
export interface SequencesOrder {
  readonly way: Way;
  readonly delivery: Delivery;
  readonly first: Action;
}

export type StageOrder = CellOrder | SequencesOrder;

/** What came out of it. */
export interface StageAnswer {
  /** Of sequences, what was wrong with which of them, line by line. */
  readonly outcome: string;
  /** What must never be, whatever came out. */
  readonly faults: readonly string[];
  /** Whether this process can play nothing else. */
  readonly isSpent: boolean;
}
