import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach } from 'vitest';
import type { WorkerTask } from '../programs/worker.js';
import { workspaceRoot } from '../support/workspace.js';

const program = join(workspaceRoot, 'test', 'dist', 'programs', 'worker.js');
const running = new Set<TestWorker>();

/** A Worker that a test started. It never outlives the test. */
export class TestWorker {
  /** Its exit code, once it has ended. */
  readonly ended: Promise<number>;
  /** What it threw and no code caught. */
  error: unknown;
  readonly #worker: Worker;
  readonly #what: string;
  readonly #lines: string[] = [];
  #hasEnded = false;
  #wake: () => void = () => {};

  constructor(task: WorkerTask) {
    this.#what = task.act;
    this.#worker = new Worker(program, { workerData: task });
    this.#worker.on('message', (line: string) => {
      this.#lines.push(line);
      this.#wake();
    });
    this.#worker.on('error', (error) => {
      this.error = error;
    });
    this.ended = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        this.#hasEnded = true;
        running.delete(this);
        this.#wake();
        resolve(code);
      });
    });
    running.add(this);
  }

  /** Waits for that word; what it said before is used up. */
  async said(wanted: string): Promise<void> {
    for (;;) {
      const line = await this.next();
      if (line === wanted) return;
    }
  }

  /** Waits for the next thing it says. */
  async next(): Promise<string> {
    for (;;) {
      const line = this.#lines.shift();
      if (line !== undefined) return line;
      if (this.#hasEnded) throw new Error(`the Worker that does ${this.#what} ended`, { cause: this.error });
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Tells it to leave; see the act. */
  dismiss(): void {
    this.#worker.postMessage('leave');
  }

  /** Ends it wherever it is; none of its clean-up runs. */
  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** Starts a Worker, and waits for the first thing that it says. */
export async function startWorker(task: WorkerTask, first = 'ready'): Promise<TestWorker> {
  const worker = new TestWorker(task);
  await worker.said(first);
  return worker;
}

afterEach(async () => {
  await Promise.all([...running].map((worker) => worker.terminate()));
});
