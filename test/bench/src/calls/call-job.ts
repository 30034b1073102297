import type { Place } from '../job.js';
import type { CallPeerName } from './peers/index.js';

/** One measurement of calls, handed to the process that calls and to the one that serves. */
export interface CallJob extends Place {
  readonly peer: CallPeerName;
  /** How many calls are on their way at a time. */
  readonly atOnce: number;
  /** How many calls come before those that count, for the code to be compiled. */
  readonly warmUp: number;
  /** How many calls. */
  readonly calls: number;
}
