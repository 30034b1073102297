import { closeSync, fstatSync, lstatSync } from 'node:fs';
import { join } from 'node:path';
import { timers } from '../../timers.js';
import { flock, LOCK_EX, LOCK_NB } from './libc.js';
import { directory, fileNames, isPrefixed, leadsTo, sweepTemporaries, unlinkIfThere } from './names.js';
import { openFd, readMark } from './segment-file.js';

/** How long a turn of the event loop is taken up by sweeping, milliseconds, if it has looked at so many files by then. */
const SLICE_MS = 2;
const SLICE_FILES = 64;

/** What became of a file that was to be removed: other processes use it, or this user may not remove it. */
export type Removal = 'used' | 'removed' | 'refused';

/** Removes the file's name when no process has the file open. We must hold no lock on it; unless it is used, we do then. */
export function removeIfUnused(fd: number, path: string): Removal {
  if (!flock(fd, LOCK_EX | LOCK_NB)) return 'used';
  if (!leadsTo(path, fstatSync(fd, { bigint: true }))) return 'removed';
  return unlinkIfThere(path) ? 'removed' : 'refused';
}

/**
 * Removes a segment of this user that only dead processes had open, or a file that a dead process was about to make.
 *
 * @returns whether it was a segment of this user.
 */
function sweepFile(folder: string, name: string): boolean {
  sweepTemporaries([name]);
  if (!isPrefixed(name)) return false;
  const path = join(folder, name);
  // Those of others are theirs to remove, and may be anything.
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined || !found.isFile() || found.uid !== process.getuid?.()) return false;
  const fd = openFd(path, true);
  if (fd === undefined) return false;
  try {
    if (readMark(fd, fstatSync(fd).size) === undefined) return false;
    removeIfUnused(fd, path);
    return true;
  } finally {
    closeSync(fd);
  }
}

/**
 * Removes what processes of this user that died left behind, under whatever name, so that the memory does not fill up with
 * it. Yields when the event loop should have a turn.
 *
 * @returns how many segments of this user there were.
 */
export function* sweep(): Generator<undefined, number> {
  let segments = 0;
  const folder = directory();
  let until = timers.now() + SLICE_MS;
  let files = 0;
  for (const name of fileNames()) {
    try {
      if (sweepFile(folder, name)) segments++;
    } catch {
      // What cannot be looked at, or removed, does no harm but to take memory.
    }
    if (++files < SLICE_FILES || timers.now() < until) continue;
    yield;
    files = 0;
    until = timers.now() + SLICE_MS;
  }
  return segments;
}

/** In a directory with more segments of this user than that, a thread sweeps only once. */
const CROWD = 100;
let isSweeping = false;
let isCrowded = false;

/**
 * Sweeps for 2 ms, and the rest in the turns of the event loop that come; in a crowded directory once a thread. Does not
 * keep the process alive for that.
 */
export function sweepLeftovers(): void {
  if (isSweeping || isCrowded) return;
  isSweeping = true;
  const steps = sweep();
  const turn = () => {
    try {
      const { done, value: files } = steps.next();
      if (done !== true) {
        timers.setImmediate(turn).unref();
        return;
      }
      isCrowded = files > CROWD;
    } catch {
      // The directory cannot be read now.
    }
    isSweeping = false;
  };
  turn();
}
