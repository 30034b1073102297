import { count, rate } from './units.js';

const BAR_WIDTH = 24;
/** Milliseconds between two looks of the bar. */
const BAR_PERIOD = 100;
/** Milliseconds between two lines at most; a line comes at every tenth part anyway. */
const LINE_PERIOD = 1_000;

/**
 * Shows how far a long job is: a bar that moves on a terminal, a line now and then where output is piped or the
 * terminal cannot go back in a line.
 */
export class Progress {
  readonly #what: string;
  readonly #total: number;
  readonly #out: NodeJS.WriteStream;
  readonly #bar: boolean;
  readonly #start = performance.now();
  #shownAt = 0;
  #shownTenth = 0;
  #width = 0;

  /** @param what the word before the numbers, for example `published`. */
  constructor(what: string, total: number, out: NodeJS.WriteStream = process.stdout) {
    this.#what = what;
    this.#total = total;
    this.#out = out;
    this.#bar = out.isTTY === true && process.env['TERM'] !== 'dumb';
  }

  /** Says how many are done. Cheap: it shows only what is worth showing. */
  update(done: number): void {
    const now = performance.now();
    const tenth = Math.floor((done / this.#total) * 10);
    const period = this.#bar ? BAR_PERIOD : LINE_PERIOD;
    const due = now - Math.max(this.#shownAt, this.#start) >= period;
    if (!due && (this.#bar || tenth === this.#shownTenth)) return;
    this.#shownAt = now;
    this.#shownTenth = tenth;
    this.#show(done, now);
  }

  /** Ends the bar's line, so that other output can follow. */
  end(done: number): void {
    if (!this.#bar) return;
    this.#show(done, performance.now());
    this.#out.write('\n');
  }

  #show(done: number, now: number): void {
    const part = done / this.#total;
    const perSecond = rate(done, (now - this.#start) / 1000);
    const numbers =
      `${Math.floor(part * 100)} %`.padStart(6) +
      `  ${count(done)} of ${count(this.#total)}, ${count(perSecond)}/s`;
    if (!this.#bar) {
      this.#out.write(`${this.#what}${numbers}\n`);
      return;
    }
    const filled = Math.round(part * BAR_WIDTH);
    const text = `${this.#what} [${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}]${numbers}`;
    // Longer than the terminal, it would wrap, and going back to the start of the line would not be enough.
    const line = text.slice(0, (this.#out.columns || 80) - 1);
    this.#out.write(`\r${line.padEnd(this.#width)}`);
    this.#width = line.length;
  }
}
