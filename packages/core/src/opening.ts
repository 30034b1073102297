import { atExit } from './exit-hooks.js';
import type { LockWait } from './lock.js';
import type { Opening, Segment } from './platform/platform.js';
import { timers } from './timers.js';

/**
 * Longest that opening blocks the event loop to wait for other processes, milliseconds. Such a process needs moments, but where all cores
 * are busy it has to get one first, even to die; and Windows takes its time to give back what a dead process held.
 */
const LONGEST_BLOCK = 500;
/** Longest that opening waits for other processes without blocking unless told otherwise, milliseconds. */
const DEFAULT_TIMEOUT = 5000;

const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** Takes all steps at once; the event loop stands still meanwhile. */
export function openNow(steps: Opening): Segment {
  const deadline = timers.now() + LONGEST_BLOCK;
  let step = steps.next();
  while (step.done !== true) {
    if (step.value > 0) Atomics.wait(sleeper, 0, 0, step.value);
    step = steps.next(timers.now() >= deadline);
  }
  return step.value;
}

/** Takes one step in a turn of the event loop. When the signal aborts, and when the process ends, nothing is left. */
export async function openInTurns(steps: Opening, { signal, timeout }: LockWait): Promise<Segment> {
  signal?.throwIfAborted();
  const giveUp = () => void steps.return(undefined as never);
  const forgetExit = atExit(giveUp);
  try {
    const deadline = timers.now() + (timeout ?? DEFAULT_TIMEOUT);
    let step = steps.next();
    while (step.done !== true) {
      await (step.value > 0 ? timers.sleep(step.value, { signal }) : timers.nextTurn({ signal }));
      step = steps.next(timers.now() >= deadline);
    }
    return step.value;
  } finally {
    giveUp();
    forgetExit();
  }
}
