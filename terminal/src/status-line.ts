/** Shows what is going on: one line that changes on a terminal, a line for each text where output is piped. */
export class StatusLine {
  readonly #out: NodeJS.WriteStream;
  /** Whether it can overwrite what it showed. */
  readonly isLive: boolean;
  #width = 0;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
    this.isLive = out.isTTY === true && process.env['TERM'] !== 'dumb';
  }

  /** Shows a text instead of the last one. */
  show(text: string): void {
    if (!this.isLive) {
      this.#out.write(`${text}\n`);
      return;
    }
    // Longer than the terminal, it would wrap, and going back to the start of the line would not be enough.
    const line = text.slice(0, (this.#out.columns || 80) - 1);
    this.#out.write(`\r${line.padEnd(this.#width)}`);
    this.#width = line.length;
  }

  /** Ends the line on a terminal, so that other output can follow. */
  end(): void {
    if (this.isLive && this.#width > 0) this.#out.write('\n');
    this.#width = 0;
  }

  /** Takes the text away from a terminal, so that other output can stand in its place. */
  clear(): void {
    if (this.isLive && this.#width > 0) this.#out.write(`\r${' '.repeat(this.#width)}\r`);
    this.#width = 0;
  }
}
