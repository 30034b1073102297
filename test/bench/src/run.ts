import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BridgeJob, BridgeMeasurement } from './bridge/bridge-job.js';
import type { CallJob } from './calls/call-job.js';
import type { CallMeasurement } from './calls/caller.js';
import type { Job, Place } from './job.js';
import type { OwnJob, OwnValues } from './own/own-job.js';
import { startBrokerOf } from './peers/brokers.js';
import type { Measurement } from './producer.js';

/** After this a measurement hangs, milliseconds. */
const WATCHDOG = 300_000;

let names = 0;

function uniqueName(): string {
  return `bench-${process.pid}-${++names}`;
}

/** Runs a program of this package in a process of its own, and parses the line that it prints. */
function runProgram<R>(
  file: string,
  job: unknown,
  nodeArgs: readonly string[],
  signal: AbortSignal,
): Promise<R> {
  const program = fileURLToPath(new URL(file, import.meta.url));
  return new Promise((resolve, reject) => {
    const args = [...nodeArgs, program, JSON.stringify(job)];
    const options = { timeout: WATCHDOG, killSignal: 'SIGKILL', signal, maxBuffer: 2 ** 28 } as const;
    execFile(process.execPath, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(JSON.parse(stdout) as R);
      else reject(new Error(`${file} ${JSON.stringify(job)}: ${error.message}\n${stderr}`, { cause: error }));
    });
  });
}

/** What a job says itself; the rest is made here. */
export type JobRequest = Omit<Job, keyof Place>;

/** Gives a measurement a place of its own, and the broker that it needs. */
async function withPlace<R>(peer: string, measure: (place: Place) => Promise<R>): Promise<R> {
  const folder = mkdtempSync(join(tmpdir(), 'mmfbus-bench-'));
  try {
    const broker = await startBrokerOf(peer, folder);
    try {
      return await measure({ folder, name: uniqueName(), port: broker?.port ?? 0 });
    } finally {
      await broker?.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Measures a peer once. */
export async function measurePeer(request: JobRequest, signal: AbortSignal): Promise<Measurement> {
  return withPlace(request.peer, (place) => {
    const job: Job = { ...request, ...place };
    return runProgram<Measurement>('./producer.js', job, [], signal);
  });
}

/** Measures the calls of a peer once. */
export async function measureCalls(
  request: Omit<CallJob, keyof Place>,
  signal: AbortSignal,
): Promise<CallMeasurement> {
  return withPlace(request.peer, (place) => {
    const job: CallJob = { ...request, ...place };
    return runProgram<CallMeasurement>('./calls/caller.js', job, [], signal);
  });
}

/** Measures once what carries messages between a channel and that broker. */
export async function measureBridge(
  request: Omit<BridgeJob, keyof Place>,
  broker: string,
  signal: AbortSignal,
): Promise<BridgeMeasurement> {
  return withPlace(broker, (place) => {
    const job: BridgeJob = { ...request, ...place };
    return runProgram<BridgeMeasurement>('./bridge/measure.js', job, [], signal);
  });
}

/** Measures something of mmfbus alone once. */
export function measureOwn(request: Omit<OwnJob, 'name'>, signal: AbortSignal): Promise<OwnValues> {
  const job: OwnJob = { ...request, name: uniqueName() };
  return runProgram<OwnValues>('./own/measure.js', job, ['--expose-gc'], signal);
}
