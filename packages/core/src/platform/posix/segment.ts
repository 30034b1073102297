import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  linkSync,
  openSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { detach } from '../../detach.js';
import { MmfError } from '../../errors.js';
import { errnoName, fromFsError } from '../../os-error.js';
import type { Segment, SegmentRequest } from '../platform.js';
import { allocate, useLargePages } from './allocation.js';
import { mapLockPage } from './file.js';
import {
  flock,
  LOCK_EX,
  LOCK_NB,
  LOCK_SH,
  LOCK_UN,
  type Mapped,
  map,
  PROT_READ,
  PROT_WRITE,
  pageSize,
  unmap,
} from './libc.js';
import { MappedSegment } from './mapped-segment.js';
import { encodeMark, MARK_LENGTH, markedFileSize } from './mark-layout.js';
import {
  directory,
  isLocal,
  leadsTo,
  ownFileNames,
  segmentFileNames,
  sweepTemporaries,
  temporaryPath,
  unlinkIfThere,
} from './names.js';
import { openFd, readMark } from './segment-file.js';

/*
 * Lifetime. Everybody who has a segment open holds a shared flock on it, the creator already before the name appears.
 * So an exclusive flock is proof that nobody has it open, and whoever gets it removes the name, if the name still leads
 * to that file. A shared lock is never converted: Linux drops it when the conversion fails (flock(2)).
 *
 * The lock belongs to an open file, which a mapping keeps alive as much as a descriptor does. Node closes the
 * descriptors of a Worker that is terminated, but nobody unmaps its memory: so what is mapped is opened once more, apart
 * from what is locked.
 */

const DEFAULT_MODE = 0o600;
/** How often an opener looks again while somebody else removes or creates the name, and how long it waits between. */
const MAX_TRIES = 200;
const RETRY_MILLISECONDS = 5;
const MAX_END_TRIES = 100;
const END_RETRY_MILLISECONDS = 1;

/** An open segment file that we hold a shared lock on, or one that is not ours to lock. */
interface OpenFile {
  readonly fd: number;
  readonly size: number;
  readonly marked: boolean;
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));
/** How often this thread has each file open as a segment, by device and inode. */
const held = new Map<string, number>();

/** Opens or creates the segment; see {@link Platform.openSegment}. */
export function openSegment(request: SegmentRequest): Segment {
  const path = join(directory(), request.osName);
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    if (tries > 0) Atomics.wait(sleeper, 0, 0, RETRY_MILLISECONDS);
    const found = openExisting(path, request);
    if (found === 'busy') continue;
    if (found !== undefined) {
      if (request.disposition === 'create') {
        closeSync(found.fd);
        throw new MmfError('EXISTS', `${path} exists already`);
      }
      const segment = mapOpenFile(path, found, request);
      if (segment !== undefined) return segment;
      continue;
    }
    if (request.disposition === 'open') throw new MmfError('NOT_FOUND', `there is no ${path}`);
    const segment = createNew(path, request);
    if (segment !== undefined) return segment;
  }
  throw new MmfError(
    'BUSY',
    `${path} is being created or removed by another process; gave up after ${MAX_TRIES * RETRY_MILLISECONDS} ms`,
  );
}

/** Undefined: there is none, or it was a leftover and is gone now. `busy`: look again. */
function openExisting(path: string, request: SegmentRequest): OpenFile | 'busy' | undefined {
  const fd = openFd(path, request.readOnly === true);
  if (fd === undefined) return undefined;
  let keep = false;
  try {
    const stat = fstatSync(fd, { bigint: true });
    checkFile(path, request.osName, stat);
    const fileSize = Number(stat.size);
    const size = readMark(fd, fileSize);
    if (size === undefined) {
      keep = true;
      return { fd, size: fileSize, marked: false };
    }
    // Removed: its holders died.
    if (removeIfUnused(fd, path)) return undefined;
    if (!flock(fd, LOCK_SH | LOCK_NB)) return 'busy';
    // It may have been removed between our opening and our locking.
    if (!leadsTo(path, stat)) return 'busy';
    keep = true;
    return { fd, size, marked: true };
  } finally {
    if (!keep) closeSync(fd);
  }
}

/** Removes the file's name when nobody has it open; true when nobody had. We must hold no lock on it. */
function removeIfUnused(fd: number, path: string): boolean {
  if (!flock(fd, LOCK_EX | LOCK_NB)) return false;
  if (leadsTo(path, fstatSync(fd, { bigint: true }))) unlinkIfThere(path);
  return true;
}

/** Counts one more, or one less, who holds the file; how many there are then. */
function countHolders(fd: number, change: 1 | -1): number {
  const { dev, ino } = fstatSync(fd, { bigint: true });
  const file = `${dev}:${ino}`;
  const count = (held.get(file) ?? 0) + change;
  if (count > 0) held.set(file, count);
  else held.delete(file);
  return count;
}

/** As {@link removeIfUnused}, trying more than once where the dead are known to be the only other holders. */
function removeInTheEnd(fd: number, path: string, tries: number): void {
  for (let left = tries; !removeIfUnused(fd, path) && left > 1; left--) {
    // Linux reports the end of a dead process's FIFOs before it drops the locks on its files.
    Atomics.wait(sleeper, 0, 0, END_RETRY_MILLISECONDS);
  }
}

/** Removes what processes that died left behind, under whatever name, so that the memory does not fill up with it. */
function sweepSegments(): void {
  for (const name of segmentFileNames()) {
    const path = join(directory(), name);
    let fd: number | undefined;
    try {
      fd = openFd(path, true);
      if (fd === undefined) continue;
      const stat = fstatSync(fd);
      if (stat.isFile() && readMark(fd, stat.size) !== undefined) removeIfUnused(fd, path);
    } catch (error) {
      // Not ours to look at.
      if (!(error instanceof MmfError)) throw error;
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }
}

function checkFile(path: string, osName: string, stat: { isFile(): boolean; readonly uid: bigint }): void {
  if (!stat.isFile()) throw new MmfError('ACCESS_DENIED', `${path} is not a regular file`);
  const uid = process.getuid?.() ?? 0;
  if (isLocal(osName) && Number(stat.uid) !== uid) {
    throw new MmfError('ACCESS_DENIED', `${path} belongs to user ${stat.uid}, not to this user, ${uid}`);
  }
}

/** Undefined when somebody else was faster. */
function createNew(path: string, request: SegmentRequest): Segment | undefined {
  sweepSegments();
  sweepTemporaries(ownFileNames());
  const temporary = temporaryPath();
  const mode = request.mode ?? DEFAULT_MODE;
  let fd: number | undefined;
  let mappedFd: number | undefined;
  let mapped: Mapped | undefined;
  let linked = false;
  try {
    fd = openSync(
      temporary,
      constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
      DEFAULT_MODE,
    );
    // Before the mode, which may forbid it.
    mappedFd = openSync(temporary, constants.O_RDWR | constants.O_NOFOLLOW);
    fchmodSync(fd, mode);
    flock(fd, LOCK_SH | LOCK_NB);
    const total = markedFileSize(request.size, pageSize);
    ftruncateSync(fd, total);
    if (request.largePages !== true) allocate(fd, total, path);
    writeSync(fd, encodeMark(request.size), 0, MARK_LENGTH, total - MARK_LENGTH);
    mapped = map(mappedFd, request.size, PROT_READ | PROT_WRITE, path);
    if (request.largePages === true) useLargePages(mapped, path);
    request.initialise?.(mapped.memory);
    linkSync(temporary, path);
    linked = true;
    return mappedSegment(path, { fd, size: request.size, marked: true }, mapped, mapped, true);
  } catch (error) {
    if (errnoName(error) === 'EEXIST') return undefined;
    throw error instanceof Error && 'syscall' in error ? fromFsError(error, `cannot create ${path}`) : error;
  } finally {
    if (!linked) {
      if (mapped !== undefined && detach(mapped.memory)) unmap(mapped);
      if (fd !== undefined) closeSync(fd);
    }
    if (mappedFd !== undefined) closeSync(mappedFd);
    unlinkIfThere(temporary);
  }
}

/** Undefined: the name leads to another file by now. */
function mapOpenFile(
  path: string,
  file: OpenFile,
  { existingSize, readOnly = false }: SegmentRequest,
): Segment | undefined {
  let fd: number | undefined;
  let segment: Segment | undefined;
  try {
    if (existingSize > file.size) {
      throw new MmfError('SIZE_MISMATCH', `${path} has ${file.size} bytes, ${existingSize} were asked for`);
    }
    if (file.size === 0) throw new MmfError('SIZE_MISMATCH', `${path} is empty`);
    const length = existingSize === 0 ? file.size : existingSize;
    fd = openFd(path, readOnly);
    if (fd === undefined || !isSameFile(fd, file.fd)) return undefined;
    const data = map(fd, length, readOnly ? PROT_READ : PROT_READ | PROT_WRITE, path);
    segment = mappedSegment(path, file, data, readOnly ? mapLockPage(path, length) : data, false);
    return segment;
  } finally {
    if (fd !== undefined) closeSync(fd);
    if (segment === undefined) closeSync(file.fd);
  }
}

function isSameFile(fd: number, other: number): boolean {
  const { ino, dev } = fstatSync(fd, { bigint: true });
  const same = fstatSync(other, { bigint: true });
  return ino === same.ino && dev === same.dev;
}

function mappedSegment(
  path: string,
  { fd, marked }: OpenFile,
  data: Mapped,
  lockPage: Mapped | undefined,
  created: boolean,
): Segment {
  if (marked) countHolders(fd, 1);
  return new MappedSegment(data, lockPage, created, (last) => {
    try {
      if (marked && countHolders(fd, -1) === 0) {
        flock(fd, LOCK_UN);
        removeInTheEnd(fd, path, last ? MAX_END_TRIES : 1);
      }
    } finally {
      closeSync(fd);
    }
  });
}
