import { styleText } from 'node:util';
import { jsonLine } from './json.js';

/** What a text may look like, as `styleText` of `node:util` names it. */
export type Style = Parameters<typeof styleText>[0];

/** The standard output as the commands use it. */
export class Output {
  readonly #stream: NodeJS.WriteStream;
  /** Whether it is a terminal; a pipe or a file otherwise. */
  readonly isTerminal: boolean;
  /** Whether text is coloured: on a terminal, unless NO_COLOR says no, and elsewhere where FORCE_COLOR says so. */
  readonly isColoured: boolean;
  readonly #gone = new AbortController();

  constructor(stream: NodeJS.WriteStream, env: Readonly<Record<string, string | undefined>>) {
    this.#stream = stream;
    this.isTerminal = stream.isTTY === true;
    this.isColoured = wantsColour(this.isTerminal, env);
    // A pipe that was closed, as by `head`, ends the command in good order.
    stream.on('error', (error: NodeJS.ErrnoException) => this.#gone.abort(error));
  }

  /** Aborts when nothing can be written any more. The reason is the error of the stream. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** Columns of the terminal; 80 where it is none. */
  get columns(): number {
    return this.#stream.columns || 80;
  }

  /** Rows of the terminal; 24 where it is none. */
  get rows(): number {
    return this.#stream.rows || 24;
  }

  /** The text in that style, where text is coloured. */
  style(style: Style, text: string): string {
    return this.isColoured ? styleText(style, text, { validateStream: false }) : text;
  }

  /**
   * Writes text as it stands. Resolves when there is room for more: a reader that is slow holds the command up, not its memory.
   */
  async write(text: string): Promise<void> {
    if (this.#gone.signal.aborted || this.#stream.write(text)) return;
    await new Promise<void>((resolve) => {
      const go = () => {
        this.#stream.off('drain', go);
        this.#gone.signal.removeEventListener('abort', go);
        resolve();
      };
      this.#stream.on('drain', go);
      this.#gone.signal.addEventListener('abort', go);
    });
  }

  /** Writes a line. */
  line(text = ''): Promise<void> {
    return this.write(`${text}\n`);
  }

  /** Writes a value as one line of JSON. */
  json(value: unknown): Promise<void> {
    return this.line(jsonLine(value));
  }

  /** Resolves when everything has been handed to the operating system. */
  flush(): Promise<void> {
    if (this.#gone.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => this.#stream.write('', () => resolve()));
  }
}

function wantsColour(isTerminal: boolean, env: Readonly<Record<string, string | undefined>>): boolean {
  if (env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '') return false;
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  return isTerminal && env['TERM'] !== 'dumb';
}
