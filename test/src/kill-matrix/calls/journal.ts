import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One line of the journal: what a process did. */
export type Entry =
  /** A handler has begun. Written before it does anything else. */
  | { readonly what: 'ran'; readonly key: string; readonly server: string }
  /** A handler has seen that its call was cancelled. */
  | { readonly what: 'cancelled'; readonly key: string; readonly server: string }
  | { readonly what: 'made'; readonly key: string; readonly method: string; readonly client: string }
  | { readonly what: 'got'; readonly key: string; readonly value: string; readonly items: number }
  | {
      readonly what: 'failed';
      readonly key: string;
      readonly code: string;
      readonly started: false | 'maybe';
      readonly text: string;
      readonly items: number;
    }
  /** What must never be, as the process itself has seen it. */
  | { readonly what: 'wrong'; readonly key: string; readonly text: string };

/** What one process of a play writes down where it outlives the process. */
export class JournalWriter {
  readonly #file: string;

  /** @param folder of the play. Each process has a file of its own: Wine does not append in one step. */
  constructor(folder: string) {
    this.#file = join(folder, `${process.pid}`);
  }

  write(entry: Entry): void {
    // One write of the system: whole or not at all, also when the process is killed.
    appendFileSync(this.#file, `${JSON.stringify(entry)}\n`);
  }
}

/** What all processes of a play have written; the entries of each in order. */
export function readJournal(folder: string): Entry[] {
  return readdirSync(folder).flatMap((name) => {
    const lines = readFileSync(join(folder, name), 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Entry);
  });
}
