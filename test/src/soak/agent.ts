// A process of the soak: it waits until it is told which roles to play, plays them, and ends when and how it is told.
import { setMaxListeners } from 'node:events';
import { Worker } from 'node:worker_threads';
import { armDeath } from './death.js';
import type { LifePlan } from './life-plan.js';
import type { AgentOrder, AgentReport, Assignment } from './protocol.js';
import type { ThreadData, ThreadReport } from './role-thread.js';

const { runRole } = await import('./role.js');
const ending = new AbortController();
// Each call that waits listens to it.
setMaxListeners(0, ending.signal);
/**
 * The Workers, and when each has joined its channel or ended. Not before that may a Worker be stopped, by itself or with
 * the process: koffi aborts the process when it is stopped while it loads, or in a call that makes an object.
 */
const workers = new Map<Worker, Promise<void>>();
const playing: Promise<void>[] = [];
let leaving = false;

function tell(report: AgentReport): void {
  if (process.connected) process.send?.(report);
}

function play(assignment: Assignment, { death }: LifePlan): Promise<void> {
  const fault = (text: string) => tell({ report: 'fault', role: assignment.role.id, text });
  if (!assignment.role.worker) return runRole(assignment, ending.signal, fault);
  const workerData: ThreadData = { assignment, death };
  const worker = new Worker(new URL('role-thread.js', import.meta.url), { workerData });
  const joined = new Promise<void>((resolve) => {
    worker.on('message', (message: ThreadReport) => {
      if (message.report === 'joined') resolve();
      else fault(message.text);
    });
    worker.once('exit', resolve);
  });
  workers.set(worker, joined);
  worker.on('error', (error) => fault(`its Worker failed: ${error.stack}`));
  return new Promise((resolve) => {
    worker.once('exit', () => {
      workers.delete(worker);
      resolve();
    });
  });
}

function terminate(): void {
  for (const [worker, joined] of workers) void joined.then(() => worker.terminate());
}

async function exit(): Promise<void> {
  await Promise.all(workers.values());
  process.exit();
}

/** Nothing may keep the process alive after that. */
async function close(): Promise<void> {
  ending.abort();
  for (const worker of workers.keys()) worker.postMessage('end');
  await Promise.all(playing);
  leaving = true;
  process.disconnect();
}

process.on('message', (message: AgentOrder) => {
  if (message.order === 'live') {
    armDeath(message.life.death);
    playing.push(...message.assignments.map((assignment) => play(assignment, message.life)));
  } else if (message.order === 'terminate') terminate();
  else if (message.order === 'close') void close();
  else void exit();
});
process.once('disconnect', () => {
  // The process that gives the orders is gone.
  if (!leaving) process.exit(1);
});
// Ctrl-C reaches every process of the terminal; it is for the one that gives the orders.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
tell({ report: 'ready' });
