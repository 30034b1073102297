import { type ChildProcess, fork, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { ConsumerLine, ConsumerReport } from './consumer.js';
import type { Job } from './job.js';
import type { ConsumerHandles, Peer, Postable } from './peers/peer.js';

const PROGRAM = fileURLToPath(new URL('./consumer.js', import.meta.url));
/** Messages to a Worker after which its sender lets the event loop turn: nothing else holds it back. */
const WORKER_AHEAD = 1000;

interface Started {
  readonly postable: Postable | undefined;
  readonly output: Readable;
  stop(): Promise<void>;
}

/** The consumers of one measurement. */
export class Consumers implements ConsumerHandles {
  readonly all: Promise<readonly Postable[]>;
  #resolve: (all: readonly Postable[]) => void = () => {};
  readonly #started: Started[] = [];
  readonly #reports: Promise<ConsumerReport>[] = [];

  constructor() {
    this.all = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** Starts them, and waits until all are ready. */
  async start(job: Job, how: Peer['start'] = 'process'): Promise<void> {
    const ready: Promise<void>[] = [];
    for (let count = 0; count < job.consumers; count++) {
      const started = startOne(JSON.stringify(job), how);
      this.#started.push(started);
      const lines = readLines(started.output);
      ready.push(lines.ready);
      this.#reports.push(lines.report);
    }
    this.#resolve(this.#started.flatMap(({ postable }) => postable ?? []));
    await Promise.all(ready);
  }

  /** What they measured, once all have everything. */
  reports(): Promise<ConsumerReport[]> {
    return Promise.all(this.#reports);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#started.map((started) => started.stop()));
  }
}

function readLines(output: Readable): { ready: Promise<void>; report: Promise<ConsumerReport> } {
  let onReady: () => void;
  let onReport: (report: ConsumerReport) => void;
  let onEnd: (error: Error) => void;
  const ready = new Promise<void>((resolve, reject) => {
    onReady = resolve;
    onEnd = reject;
  });
  const report = new Promise<ConsumerReport>((resolve, reject) => {
    onReport = resolve;
    void ready.catch(reject);
  });
  report.catch(() => {});
  createInterface({ input: output })
    .on('line', (text) => {
      const line = JSON.parse(text) as ConsumerLine;
      if ('ready' in line) onReady();
      else onReport(line);
    })
    .on('close', () => onEnd(new Error('a consumer ended before it was ready')));
  return { ready, report };
}

function startOne(job: string, how: NonNullable<Peer['start']>): Started {
  if (how === 'worker') return startWorker(job);
  if (how === 'process') return startProcess(job);
  const serialization = how === 'fork-json' ? 'json' : 'advanced';
  const child = fork(PROGRAM, [job], { serialization, stdio: ['pipe', 'pipe', 'inherit', 'ipc'] });
  return { ...stoppable(child), postable: postableChild(child) };
}

function startProcess(job: string): Started {
  const child = spawn(process.execPath, [PROGRAM, job], { stdio: ['pipe', 'pipe', 'inherit'] });
  return { ...stoppable(child), postable: undefined };
}

function stoppable(child: ChildProcess): Pick<Started, 'output' | 'stop'> {
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    output: child.stdout as Readable,
    stop: async () => {
      child.stdin?.end();
      await ended;
    },
  };
}

function postableChild(child: ChildProcess): Postable {
  let last: Promise<void> = Promise.resolve();
  return {
    post: (message) => {
      let sent: () => void;
      const ready = child.send(message as object, () => sent());
      if (!ready)
        last = new Promise((resolve) => {
          sent = resolve;
        });
      else sent = () => {};
      return ready;
    },
    onPost: (listener) => void child.on('message', listener),
    drained: () => last,
  };
}

function startWorker(job: string): Started {
  const worker = new Worker(PROGRAM, { workerData: job, stdin: true, stdout: true });
  let posted = 0;
  return {
    output: worker.stdout,
    stop: async () => {
      worker.stdin?.end();
      await worker.terminate();
    },
    postable: {
      post: (message) => {
        worker.postMessage(message);
        return ++posted % WORKER_AHEAD !== 0;
      },
      onPost: (listener) => void worker.on('message', listener),
      drained: async () => {
        await nextTurn();
      },
    },
  };
}
