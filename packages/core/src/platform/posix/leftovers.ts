import { closeSync, fstatSync, lstatSync, opendirSync } from 'node:fs';
import { join } from 'node:path';
import { timers } from '../../timers.js';
import { flock, LOCK_EX, LOCK_NB } from './libc.js';
import { directory, isPrefixed, leadsTo, sweepTemporaries, unlinkIfThere } from './names.js';
import { openFd, readMark } from './segment-file.js';

/** How long a turn of the event loop is taken up by sweeping, milliseconds. */
const SLICE_MS = 2;
/** Names that one call to the operating system reads. */
const NAMES_A_READ = 64;

/** What became of a file that was to be removed: other processes use it, or this user may not remove it. */
export type Removal = 'used' | 'removed' | 'refused';

/** Removes the file's name when no process has the file open. We must hold no lock on it; unless it is used, we do then. */
export function removeIfUnused(fd: number, path: string): Removal {
  if (!flock(fd, LOCK_EX | LOCK_NB)) return 'used';
  if (!leadsTo(path, fstatSync(fd, { bigint: true }))) return 'removed';
  return unlinkIfThere(path) ? 'removed' : 'refused';
}

/** Removes a segment of this user that only dead processes had open, or a file that a dead process was about to make. */
function sweepFile(folder: string, name: string): void {
  sweepTemporaries([name]);
  if (!isPrefixed(name)) return;
  const path = join(folder, name);
  // Those of others are theirs to remove, and may be anything.
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined || !found.isFile() || found.uid !== process.getuid?.()) return;
  const fd = openFd(path, true);
  if (fd === undefined) return;
  try {
    if (readMark(fd, fstatSync(fd).size) !== undefined) removeIfUnused(fd, path);
  } finally {
    closeSync(fd);
  }
}

/**
 * Removes what processes of this user that died left behind, under whatever name, so that the memory does not fill up with
 * it. Yields when the event loop should have a turn.
 */
export function* sweep(): Generator<void> {
  const folder = directory();
  const entries = opendirSync(folder, { bufferSize: NAMES_A_READ });
  try {
    let until = timers.now() + SLICE_MS;
    for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
      try {
        sweepFile(folder, entry.name);
      } catch {
        // What cannot be looked at, or removed, harms nobody but the memory it takes.
      }
      if (timers.now() < until) continue;
      yield;
      until = timers.now() + SLICE_MS;
    }
  } finally {
    entries.closeSync();
  }
}

let hasSwept = false;

/** Sweeps in the turns of the event loop that come, once a thread. Does not keep the process alive for that. */
export function sweepOnce(): void {
  if (hasSwept) return;
  hasSwept = true;
  let steps: Generator<void> | undefined;
  const turn = () => {
    try {
      steps ??= sweep();
      if (steps.next().done !== true) timers.setImmediate(turn).unref();
    } catch {
      // The directory cannot be read; the next thread tries again.
    }
  };
  timers.setImmediate(turn).unref();
}
