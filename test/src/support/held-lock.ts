import { openSegment } from '@mmfbus/core/internal';
import { rawMemory } from './raw-memory.js';

// Offsets as FORMAT.md has them.
const PARTICIPANT_COUNT = 44;
const PUBLISHER_LOCK = 192;
const PARTICIPANTS = 512;
const PARTICIPANT_LENGTH = 256;
const PID = 32;
const GENERATION = 36;

/** A publisher lock that is held, and by which slot. */
export interface HeldLock {
  readonly slot: number;
  /** Frees the lock. A second call does nothing. */
  release(): void;
}

/**
 * Has a participant of a channel, or of the directory, hold the publisher lock there: as one does that was stopped
 * in the middle of its work, it never gives it back.
 */
export function holdLock(name: string, pid: number): HeldLock {
  const segment = openSegment({ name, disposition: 'open', size: 0 });
  const view = new DataView(rawMemory(segment.memory));
  const lock = new Int32Array(rawMemory(segment.memory), PUBLISHER_LOCK, 1);
  const offsetOf = (slot: number) => PARTICIPANTS + slot * PARTICIPANT_LENGTH;
  const slots = Array.from({ length: view.getUint32(PARTICIPANT_COUNT, true) }, (_, slot) => slot);
  const slot = slots.find((one) => view.getUint32(offsetOf(one) + PID, true) === pid);
  if (slot === undefined) throw new Error(`process ${pid} is not a participant of ${name}`);
  const word = (view.getUint32(offsetOf(slot) + GENERATION, true) << 10) | slot;
  if (Atomics.compareExchange(lock, 0, 0, word) !== 0) throw new Error(`the lock of ${name} is taken`);
  return {
    slot,
    release: () => {
      if (lock.length === 0) return;
      Atomics.store(lock, 0, 0);
      segment.close();
    },
  };
}
