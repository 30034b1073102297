import { emitKeypressEvents, type Key } from 'node:readline';

const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l';
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const TO_END_OF_LINE = '\x1b[K';
const TO_END = '\x1b[J';

/** What a screen tells of. */
export interface ScreenEvents {
  /** A key, or more than one of a text that was pasted. */
  readonly onKey: (text: string, key: Key) => void;
  /** It has another size now, or is ours again: everything is to be drawn. */
  readonly onResize: () => void;
}

/** The whole terminal, until it is closed: it has then what it had before, however the process ends. */
export class Screen {
  readonly #events: ScreenEvents;
  #isOpen = false;

  constructor(events: ScreenEvents) {
    this.#events = events;
    emitKeypressEvents(process.stdin);
    process.stdin.on('keypress', this.#onKey);
    process.stdout.on('resize', events.onResize);
    process.on('SIGCONT', this.#onContinue);
    // Also where an error ends the process.
    process.on('exit', this.#leave);
    this.#enter();
  }

  get columns(): number {
    return process.stdout.columns || 80;
  }

  get rows(): number {
    return process.stdout.rows || 24;
  }

  /** Shows lines in place of those before. */
  draw(lines: readonly string[]): void {
    if (!this.#isOpen) return;
    const text = lines.map((line) => line + TO_END_OF_LINE).join('\r\n');
    process.stdout.write(`${HOME}${text}${TO_END}`);
  }

  close(): void {
    this.#leave();
    process.stdin.off('keypress', this.#onKey);
    process.stdin.pause();
    process.stdout.off('resize', this.#events.onResize);
    process.off('SIGCONT', this.#onContinue);
    process.off('exit', this.#leave);
  }

  #enter(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    process.stdout.write(ENTER);
    if (process.stdin.isTTY) process.stdin.setRawMode(true);
    process.stdin.resume();
  }

  readonly #leave = (): void => {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (process.stdin.isTTY) process.stdin.setRawMode(false);
    process.stdout.write(LEAVE);
  };

  readonly #onKey = (text: string | undefined, key: Key): void => {
    if (key.ctrl === true && key.name === 'z') {
      // The shell has the terminal until it goes on; where there is none that could, the process is not stopped at all.
      this.#leave();
      process.kill(process.pid, 'SIGTSTP');
      setImmediate(this.#onContinue);
      return;
    }
    this.#events.onKey(text ?? '', key);
  };

  readonly #onContinue = (): void => {
    this.#enter();
    this.#events.onResize();
  };
}
