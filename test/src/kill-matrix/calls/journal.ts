import { openSync, readFileSync, writeSync } from 'node:fs';

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

/** A file that all processes of a play append to: what was written outlives them. */
export class JournalWriter {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, 'a');
  }

  write(entry: Entry): void {
    // One call of the system: whole or not at all, also when the process is killed.
    writeSync(this.#file, `${JSON.stringify(entry)}\n`);
  }
}

/** All of it, in order. */
export function readJournal(path: string): Entry[] {
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Entry);
}
