import { timers } from '@mmfbus/core/internal';

/** Milliseconds of one turn of the event loop that looking at channels takes, all looks of this thread together. */
const WORK_A_TURN_MS = 4;

let spentAt: number | undefined;

/** Whether looking at channels has had its share of this turn of the event loop; then wait for the next one. */
export function isTurnSpent(): boolean {
  const now = timers.now();
  if (spentAt === undefined) {
    spentAt = now + WORK_A_TURN_MS;
    timers.setImmediate(() => {
      spentAt = undefined;
    });
  }
  return now >= spentAt;
}
