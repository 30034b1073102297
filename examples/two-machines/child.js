import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A program of the example, and what it writes. */
export class Child {
  #name;
  #process;
  #lines = [];
  #written = '';
  #wake = () => {};
  #ended;
  #isStopping = false;

  /**
   * @param failed is called where it ends badly and was not stopped.
   * @param shown is called with each line that it writes.
   */
  constructor(name, [file, ...args], options, failed, shown = () => {}) {
    this.#name = name;
    this.#process = spawn(file, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#process.stdin.on('error', () => {}); // it may be gone already
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        this.#written += `${line}\n`;
        this.#lines.push(line);
        shown(line);
        this.#wake();
      });
    }
    this.#ended = new Promise((resolve) => {
      const end = (how, isBad) => {
        if (isBad && !this.#isStopping) failed(new Error(`${name}: ${how}\n${this.#written.slice(-2000)}`));
        resolve(how);
      };
      this.#process.once('error', ({ message }) => end(message, true));
      this.#process.once('close', (status, signal) => end(`it ended with ${signal ?? status}`, status !== 0));
    });
  }

  send(command) {
    this.#process.stdin.write(`${command}\n`);
  }

  /** Waits for a line; those before it are used up. */
  async line(pattern) {
    for (;;) {
      for (let line = this.#lines.shift(); line !== undefined; line = this.#lines.shift()) {
        const match = pattern.exec(line);
        if (match !== null) return match;
      }
      const woken = new Promise((resolve) => {
        this.#wake = resolve;
      });
      const end = await Promise.race([woken, this.#ended]);
      if (end !== undefined && this.#lines.length === 0) {
        throw new Error(`${this.#name}: ${end} before it wrote ${pattern}\n${this.#written.slice(-2000)}`);
      }
    }
  }

  /** Sends a command, and waits for the line that answers it. */
  async ask(command, answer) {
    this.send(command);
    return this.line(answer);
  }

  /** Ends it, and waits for that. */
  async stop(signal = 'SIGTERM') {
    this.#isStopping = true;
    this.#process.kill(signal);
    await this.#ended;
  }
}
