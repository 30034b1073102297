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
  readonly #spoken: Spoken[] = [];

  constructor() {
    this.all = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** Starts them, and waits until all are ready. */
  async start(job: Job, how: Peer['start'] = 'process'): Promise<void> {
    for (let count = 0; count < job.consumers; count++) {
      const started = startOne(JSON.stringify(job), how);
      this.#started.push(started);
      this.#spoken.push(listenTo(started.output));
    }
    this.#resolve(this.#started.flatMap(({ postable }) => postable ?? []));
    await Promise.all(this.#spoken.map(({ ready }) => ready));
  }

  /** Waits until all have the messages before those that count. */
  async warm(): Promise<void> {
    await Promise.all(this.#spoken.map(({ warm }) => warm));
  }

  /** What they measured, once all have everything. */
  reports(): Promise<ConsumerReport[]> {
    return Promise.all(this.#spoken.map(({ report }) => report));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#started.map((started) => started.stop()));
  }
}

/** What a consumer says, as it says it. All of them fail when it ends before that. */
interface Spoken {
  readonly ready: Promise<void>;
  readonly warm: Promise<void>;
  readonly report: Promise<ConsumerReport>;
}

function listenTo(output: Readable): Spoken {
  const ready = expected<void>();
  const warm = expected<void>();
  const report = expected<ConsumerReport>();
  createInterface({ input: output })
    .on('line', (text) => {
      const line = JSON.parse(text) as ConsumerLine;
      if (line === 'ready') ready.resolve();
      else if (line === 'warm') warm.resolve();
      else report.resolve(line);
    })
    .on('close', () => {
      for (const { reject } of [ready, warm, report]) reject(new Error('a consumer ended early'));
    });
  return { ready: ready.promise, warm: warm.promise, report: report.promise };
}

interface Expected<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: Error): void;
}

function expected<T>(): Expected<T> {
  let resolve: Expected<T>['resolve'] = () => {};
  let reject: Expected<T>['reject'] = () => {};
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  // Whoever waits for it is told; nobody has to.
  promise.catch(() => {});
  return { promise, resolve, reject };
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
