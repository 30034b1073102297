import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { CallJob } from './call-job.js';
import { servesInWorker } from './peers/index.js';
import type { ServerLine, ServerReport } from './server.js';

const PROGRAM = fileURLToPath(new URL('./server.js', import.meta.url));

interface Started {
  readonly input: Writable;
  readonly output: Readable;
  readonly worker: Worker | undefined;
  readonly ended: Promise<unknown>;
}

function startProcess(job: string): Started {
  const child = spawn(process.execPath, [PROGRAM, job], { stdio: ['pipe', 'pipe', 'inherit'] });
  return { input: child.stdin, output: child.stdout, worker: undefined, ended: once(child, 'exit') };
}

function startWorker(job: string): Started {
  const worker = new Worker(PROGRAM, { workerData: job, stdin: true, stdout: true });
  return { input: worker.stdin as Writable, output: worker.stdout, worker, ended: once(worker, 'exit') };
}

/** What serves in one measurement of calls; it is ready. */
export interface ServerProcess {
  /** What it runs in, where that is a Worker of this process. */
  readonly worker: Worker | undefined;
  /** Ends it, and gives what it did. */
  stop(): Promise<ServerReport>;
}

/** Starts what serves: a process, or with comlink a Worker. */
export async function startServer(job: CallJob): Promise<ServerProcess> {
  const start = servesInWorker(job.peer) ? startWorker : startProcess;
  const { input, output, worker, ended } = start(JSON.stringify(job));
  const lines = createInterface({ input: output })[Symbol.asyncIterator]();
  const line = async () => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error('the server ended early');
    return JSON.parse(value) as ServerLine;
  };
  await line();
  return {
    worker,
    stop: async () => {
      input.end();
      const report = (await line()) as ServerReport;
      await ended;
      return report;
    },
  };
}
