import { StatusLine } from './status-line.js';

const BAR_WIDTH = 24;
/** Milliseconds between two looks of the bar. */
const BAR_PERIOD = 100;
/** Milliseconds between two lines at most; a line comes at every tenth part anyway. */
const LINE_PERIOD = 1_000;

const numbers = new Intl.NumberFormat('en-US');

/**
 * Shows how far a long job is: a bar that moves on a terminal, a line now and then where output is piped or the
 * terminal cannot go back in a line.
 */
export class Progress {
  readonly #what: string;
  readonly #total: number;
  readonly #line: StatusLine;
  readonly #start = performance.now();
  #shownAt = 0;
  #shownTenth = 0;

  /** @param what the word before the numbers, for example `published`. */
  constructor(what: string, total: number, out: NodeJS.WriteStream = process.stdout) {
    this.#what = what;
    this.#total = total;
    this.#line = new StatusLine(out);
  }

  /** Says how many are done. Cheap: it shows only what is worth showing. */
  update(done: number): void {
    const now = performance.now();
    const tenth = Math.floor((done / this.#total) * 10);
    const period = this.#line.isLive ? BAR_PERIOD : LINE_PERIOD;
    const due = now - Math.max(this.#shownAt, this.#start) >= period;
    if (!due && (this.#line.isLive || tenth === this.#shownTenth)) return;
    this.#shownAt = now;
    this.#shownTenth = tenth;
    this.#show(done, now);
  }

  /** Ends the bar's line, so that other output can follow. */
  end(done: number): void {
    if (!this.#line.isLive) return;
    this.#show(done, performance.now());
    this.#line.end();
  }

  #show(done: number, now: number): void {
    const part = done / this.#total;
    const seconds = (now - this.#start) / 1000;
    const rate = seconds > 0 ? Math.round(done / seconds) : 0;
    const filled = Math.round(part * BAR_WIDTH);
    const bar = this.#line.isLive ? ` [${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}]` : '';
    const percent = `${Math.floor(part * 100)} %`.padStart(6);
    this.#line.show(
      `${this.#what}${bar}${percent}  ${numbers.format(done)} of ${numbers.format(this.#total)}, ${numbers.format(rate)}/s`,
    );
  }
}
