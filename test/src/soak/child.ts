import { type ChildProcess, fork } from 'node:child_process';
import { joinedProgram } from '../support/workspace.js';

/** How a process of the soak ended. */
export interface ChildEnd {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The end of what it wrote to its standard error. */
  readonly stderr: string;
}

const KEPT_OUTPUT = 4000;

/** A process of the soak, as the one that gives the orders sees it. */
export class Child<Order, Report> {
  readonly ended: Promise<ChildEnd>;
  onReport: (report: Report) => void = () => {};
  readonly #process: ChildProcess;
  #stderr = '';

  /**
   * @param program name of one in this folder.
   * @param within a command, with its arguments, that becomes Node: what follows it is Node's command line. Defaults to none.
   */
  constructor(program: string, env: Readonly<Record<string, string>>, within: readonly string[] = []) {
    const [execPath = process.execPath, ...execArgv] = [...within, process.execPath];
    this.#process = fork(joinedProgram(`soak/${program}`), [], {
      env: { ...process.env, ...env },
      execPath,
      execArgv,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#process.on('message', (report) => this.onReport(report as Report));
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-KEPT_OUTPUT);
    });
    this.ended = new Promise((resolve, reject) => {
      this.#process.once('error', reject);
      this.#process.once('close', (status, signal) => resolve({ status, signal, stderr: this.#stderr }));
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Whether it has not ended, as far as is known. */
  get runs(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  order(order: Order): void {
    // It may be dead by now, and then no process has to hear it.
    if (this.#process.connected) this.#process.send(order as object, () => {});
  }

  signal(signal: NodeJS.Signals): void {
    if (this.runs) this.#process.kill(signal);
  }
}
