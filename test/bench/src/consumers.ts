import { type ChildProcess, fork, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { ConsumerLine, ConsumerReport } from './consumer.js';
import type { Job } from './job.js';
import type { Postable, Start } from './peers/peer.js';

const PROGRAM = fileURLToPath(new URL('./consumer.js', import.meta.url));
/** Messages to a Worker after which its sender lets the event loop turn: nothing else holds it back. */
const WORKER_AHEAD = 1000;

interface Started {
  readonly postable: Postable | undefined;
  readonly input: Writable;
  readonly output: Readable;
  stop(): Promise<void>;
}

/** The consumers of one measurement. */
export class Consumers {
  readonly #started: readonly Started[];
  readonly #spoken: readonly Spoken[];

  /** Starts them. They load what they need, and wait for {@link Consumers.open}. */
  constructor(job: Job, how: Start) {
    this.#started = Array.from({ length: job.consumers }, () => startOne(JSON.stringify(job), how));
    this.#spoken = this.#started.map(({ output }) => listenTo(output));
  }

  /** Those of them that can be talked to. */
  get children(): readonly Postable[] {
    return this.#started.flatMap(({ postable }) => postable ?? []);
  }

  /** Has them open their receiving ends, and waits until all are ready. */
  async open(): Promise<void> {
    for (const { input } of this.#started) input.write('open\n');
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
  // A caller that waits for it is told; none has to.
  promise.catch(() => {});
  return { promise, resolve, reject };
}

function startOne(job: string, how: Start): Started {
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

function stoppable(child: ChildProcess): Pick<Started, 'input' | 'output' | 'stop'> {
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const input = child.stdin as Writable;
  return {
    input,
    output: child.stdout as Readable,
    stop: async () => {
      input.end();
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
  const input = worker.stdin as Writable;
  let posted = 0;
  return {
    input,
    output: worker.stdout,
    stop: async () => {
      input.end();
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
