// A role in a Worker.
import { setMaxListeners } from 'node:events';
import { parentPort, workerData } from 'node:worker_threads';
import { armDeath } from './death.js';
import type { DeathStep } from './life-plan.js';
import type { Assignment } from './protocol.js';

/** What the Worker is told from the start. */
export interface ThreadData {
  readonly assignment: Assignment;
  readonly death: DeathStep | undefined;
}

/** What a Worker tells its process. */
export type ThreadReport =
  | { readonly report: 'joined' }
  | { readonly report: 'fault'; readonly text: string };

const tell = (report: ThreadReport) => parentPort?.postMessage(report);
const { assignment, death } = workerData as ThreadData;
const ending = new AbortController();
// Each call that waits listens to it.
setMaxListeners(0, ending.signal);
parentPort?.once('message', () => ending.abort());
armDeath(death);
const { runRole } = await import('./role.js');
const fault = (text: string) => tell({ report: 'fault', text });
await runRole(assignment, ending.signal, fault, () => tell({ report: 'joined' }));
parentPort?.close();
