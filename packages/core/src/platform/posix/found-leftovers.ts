import { closeSync, fstatSync, lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { Leftover } from '../platform.js';
import { isBellDead, isLifeLineDead } from './fifo.js';
import { flock, LOCK_EX, LOCK_NB } from './libc.js';
import { directory, fileNames, isPrefixed, isProvedUnfinished, nonceOf } from './names.js';
import { openFd, readMark } from './segment-file.js';

/** See {@link Platform.findLeftovers}. */
export function findLeftovers(): readonly Leftover[] {
  const folder = directory();
  const found: Leftover[] = [];
  for (const name of fileNames()) {
    try {
      const leftover = lookAt(join(folder, name), name);
      if (leftover !== undefined) found.push(leftover);
    } catch {
      // Removed meanwhile, or not ours to look at.
    }
  }
  return found;
}

/** Only this user's: those of others are theirs to remove, and may be anything. */
function lookAt(path: string, name: string): Leftover | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined || stat.uid !== process.getuid?.()) return undefined;
  if (isProvedUnfinished(name)) {
    return { path, bytes: stat.size, proof: 'the process that was making it has ended' };
  }
  if (nonceOf(name) !== undefined && stat.isFIFO()) {
    const isDead = name.endsWith('.life') ? isLifeLineDead(path) : isBellDead(path);
    return isDead ? { path, bytes: 0, proof: 'no process has its other end open' } : undefined;
  }
  return isPrefixed(name) && stat.isFile() && isUnused(path)
    ? { path, bytes: stat.size, proof: 'no process holds its lock, which each one that uses it does' }
    : undefined;
}

function isUnused(path: string): boolean {
  const fd = openFd(path, true);
  if (fd === undefined) return false;
  try {
    // Closing gives the lock back.
    return readMark(fd, fstatSync(fd).size) !== undefined && flock(fd, LOCK_EX | LOCK_NB);
  } finally {
    closeSync(fd);
  }
}
