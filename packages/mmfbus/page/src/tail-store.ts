import type { TailEvent, TailGap, TailMessage } from '../../src/ui/protocol.js';

/** Lines that are kept. */
const MOST_LINES = 1000;
/** Entries of the ledger that are kept. */
const MOST_ENTRIES = 300;

/** A line of the table: a message, or what stands in the place of some. */
export type TailLine =
  | { readonly key: number; readonly kind: 'message'; readonly message: TailMessage }
  | {
      readonly key: number;
      readonly kind: 'left' | 'trouble';
      readonly text: string;
      readonly count: number;
    };

/** An entry of the ledger of gaps. */
export interface LedgerEntry {
  readonly key: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly numbers: string;
  readonly text: string;
}

/** The end of a channel as the page has it, newest first. */
export class TailStore {
  lines: readonly TailLine[] = [];
  ledger: readonly LedgerEntry[] = [];
  /** Names of the fields that were seen, in the order in which they came. */
  readonly fields: string[] = [];
  seen = 0;
  left = 0;
  unmatched = 0;
  #key = 0;

  take({ at, messages, gaps, left, unmatched }: TailEvent): void {
    const fresh: TailLine[] = [];
    for (const gap of gaps) {
      this.note(at, numbersOf(gap), gap.text);
      fresh.push({
        key: ++this.#key,
        kind: 'trouble',
        text: `${numbersOf(gap)} ${gap.text}`.trim(),
        count: 0,
      });
    }
    for (const message of messages) {
      this.#learn(message);
      fresh.push({ key: ++this.#key, kind: 'message', message });
    }
    this.seen += messages.length + left + unmatched;
    this.left += left;
    this.unmatched += unmatched;
    if (left > 0) fresh.push({ key: ++this.#key, kind: 'left', text: '', count: left });
    this.lines = [...fresh.reverse(), ...this.lines].slice(0, MOST_LINES);
  }

  /** Adds to the ledger. */
  note(at: number, numbers: string, text: string): void {
    this.ledger = [{ key: ++this.#key, at, numbers, text }, ...this.ledger].slice(0, MOST_ENTRIES);
  }

  #learn({ value }: TailMessage): void {
    if (value === null || typeof value !== 'object' || value.kind !== 'object') return;
    for (const [name] of value.entries) {
      if (this.fields.length >= MOST_FIELDS) return;
      if (!this.fields.includes(name)) this.fields.push(name);
    }
  }
}

/** Fields that have a column of their own. */
const MOST_FIELDS = 12;

function numbersOf({ from, to }: TailGap): string {
  if (from === 0) return '';
  return from === to ? `${from}` : `${from}–${to} (${to - from + 1})`;
}
