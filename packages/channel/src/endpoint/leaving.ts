import { timers } from '@mmfbus/core/internal';
import type { Participant } from '../membership/participant.js';

/** How often a publisher that could not take the lock tries again, milliseconds. */
const RETRY_MS = 50;

/** Leaves as a publisher. With the lock held. */
export function leaveWithLock(participant: Participant): void {
  try {
    participant.retire();
  } finally {
    participant.lock.release();
    participant.leave();
  }
}

/** Does that as soon as the lock is free, or its holder proved dead. Does not keep the process alive. */
export function leaveLater(participant: Participant): void {
  void leaveWhenFree(participant);
}

async function leaveWhenFree(participant: Participant): Promise<void> {
  while (!participant.lock.takeOver()) await timers.sleep(RETRY_MS, { ref: false });
  leaveWithLock(participant);
}

/** Does that at once where the lock can be had. */
export function leaveSoon(participant: Participant): void {
  if (participant.lock.spin()) leaveWithLock(participant);
  else leaveLater(participant);
}

/** As the process ends: where a living participant keeps the lock, the others find out by proof of death. */
export function leaveAtExit(participant: Participant): void {
  if (participant.lock.spin()) leaveWithLock(participant);
  else participant.leave(false);
}
