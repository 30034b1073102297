import { isMainThread } from 'node:worker_threads';
import { MmfError } from '../../../errors.js';
import { describeRuntime, runtime } from '../../../runtime.js';
import { watchFifoOnBun } from './bun.js';
import type { FifoListener, FifoWatch } from './fifo-watch.js';
import { watchFifoOnNode } from './node.js';

export type { FifoWatch } from './fifo-watch.js';

/**
 * Begins to watch an open descriptor, which has O_NONBLOCK, and owns it from then on: the descriptor is closed also where this
 * fails.
 */
export function watchFifo(fd: number, listener: FifoListener): FifoWatch {
  return runtime === 'bun' ? watchFifoOnBun(fd, listener) : watchFifoOnNode(fd, listener);
}

/**
 * Makes sure that this thread hears its FIFOs, and that others hear of its end.
 *
 * @throws {@link MmfError} `UNSUPPORTED` otherwise.
 */
export function checkRuntime(): void {
  if (runtime === undefined) {
    throw new MmfError(
      'UNSUPPORTED',
      `waiting for other processes needs Node, Bun or Deno; this runtime is ${describeRuntime()}`,
    );
  }
  if (runtime === 'bun' && !isMainThread) {
    // Bun leaves the descriptors of a terminated Worker open, which look to others as if it lived.
    throw new MmfError(
      'UNSUPPORTED',
      'a Worker of Bun cannot wait for other processes: they would not notice when it is terminated. ' +
        'Use the main thread or a child process',
    );
  }
}
