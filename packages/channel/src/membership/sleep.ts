import type { ParticipantTable } from './participant-table.js';

/** Whether a participant sleeps, and what for: one or more of the bits of `wants`, each of which begins and ends by itself. */
export class Sleep {
  readonly #table: ParticipantTable;
  readonly #slot: number;
  #wants = 0;
  #open = true;

  constructor(table: ParticipantTable, slot: number) {
    this.#table = table;
    this.#slot = slot;
  }

  /** Whether it sleeps for that. */
  isFor(want: number): boolean {
    return (this.#wants & want) !== 0;
  }

  /** Sleeps for that, too. A sleep that had begun begins anew: a participant that has rung for it rings again. */
  begin(want: number): void {
    if (!this.#open) return;
    const added = want & ~this.#wants;
    this.#wants |= want;
    this.#table.fallAsleep(this.#slot, added, this.#wants);
  }

  /** Sleeps for that no more, if it does. */
  end(want: number): void {
    const ended = want & this.#wants;
    if (ended === 0) return;
    this.#wants &= ~ended;
    this.#table.wakeUp(this.#slot, ended, this.#wants);
  }

  /** Never sleeps again. */
  close(): void {
    this.end(this.#wants);
    this.#open = false;
  }
}
