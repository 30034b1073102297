import type { Outcome } from './rows.js';
import type { Summary } from './statistics.js';
import type { Unit } from './subjects/subject.js';

/** What several runs of one measurement gave. */
export interface Result extends Summary {
  readonly unit: Unit;
}

/** What a run gave; the file that `--json` writes. */
export interface Results {
  readonly date: string;
  /** Processor, cores, system and Node. */
  readonly machine: string;
  /** Of what is compared. */
  readonly versions: Readonly<Record<string, string>>;
  readonly rounds: number;
  /** Whether it was a quick run, of which the figures mean less. */
  readonly quick: boolean;
  /** Messages after which the memory was looked at. */
  readonly longRun: number;
  readonly goals: readonly Outcome[];
  readonly results: Readonly<Record<string, Result>>;
}

/** Whether calls of mmfbus were measured, one at a time and many at once. */
export function hasCalls({ results }: Results): boolean {
  return 'calls, one at a time: mmfbus, p50' in results && 'calls, 64 at once: mmfbus' in results;
}
