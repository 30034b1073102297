import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Report, Result } from './launcher-link.js';

/** Milliseconds that a child has to end in before it is killed. */
const GRACE = 5_000;

/** One of the programs, started as a process of its own. */
export class Child {
  /** What it is called in the table. */
  readonly name: string;
  /** Resolves once it has joined the channel; with false when it ended without. */
  readonly joined: Promise<boolean>;
  /** Resolves when it has ended and everything it said was read. */
  readonly ended: Promise<void>;
  /** What it told by the end; undefined when it came to no result. */
  result: Result | undefined;
  readonly #process: ChildProcess;
  #output = '';
  #hasJoined = false;
  #hasEnded = false;
  #startError: Error | undefined;

  /**
   * @param program for example `publisher`; it lies beside this file.
   * @param output `keep`: for later; `show`: as it comes.
   */
  constructor(name: string, program: string, args: readonly string[], output: 'keep' | 'show') {
    this.name = name;
    const path = fileURLToPath(new URL(`${program}.js`, import.meta.url));
    this.#process = fork(path, args, {
      stdio: ['ignore', output === 'keep' ? 'pipe' : 'inherit', 'inherit', 'ipc'],
    });
    this.#process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
    });
    // Comes after its output and its last report.
    this.ended = once(this.#process, 'close').then(
      () => {
        this.#hasEnded = true;
      },
      (error: Error) => {
        this.#startError = error;
        this.#hasEnded = true;
      },
    );
    this.joined = new Promise((resolve) => {
      this.#process.on('message', (report: Report) => {
        if (report.kind === 'result') this.result = report.result;
        else {
          this.#hasJoined = true;
          resolve(true);
        }
      });
      void this.ended.then(() => resolve(this.#hasJoined));
    });
  }

  /** Its process id; 0 when it could not be started. */
  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** What it printed, if that was kept. */
  get output(): string {
    return this.#output;
  }

  /** How it failed, in a few words; undefined when it did not, or has not ended yet. */
  get failure(): string | undefined {
    const { signalCode, exitCode } = this.#process;
    if (this.#startError !== undefined) return this.#startError.message;
    if (signalCode !== null) return `killed by ${signalCode}`;
    if (this.result?.problem !== undefined) return this.result.problem;
    return exitCode === 0 || exitCode === null ? undefined : `exit status ${exitCode}`;
  }

  /** Ends it if it still runs, and waits for that. It gets the chance to close what it has open. */
  async stop(): Promise<void> {
    if (this.#hasEnded) return;
    this.#process.kill('SIGTERM');
    const kill = setTimeout(() => this.#process.kill('SIGKILL'), GRACE);
    await this.ended;
    clearTimeout(kill);
  }
}
