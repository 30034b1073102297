import { closeSync, fstatSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { MmfError } from '../../errors.js';
import { fromFsError } from '../../os-error.js';
import type { Opening, Segment, SegmentRequest } from '../platform.js';
import { allocateInSteps, STEP_LENGTH } from './allocation.js';
import { accessOf } from './audience.js';
import { mapData } from './file.js';
import { removeIfUnused, sweepLeftovers } from './leftovers.js';
import { flock, LOCK_NB, LOCK_SH, LOCK_UN, PROT_READ, PROT_WRITE, pageSize } from './libc.js';
import { MappedSegment } from './mapped-segment.js';
import { type Mapping, map } from './mapping/index.js';
import { encodeMark, MARK_LENGTH, markedFileSize } from './mark-layout.js';
import { directory, leadsElsewhere, leadsTo } from './names.js';
import { discardSegment, makeSegment, type NewSegment, nameSegment } from './new-segment.js';
import { checkFile, openFd, readMark } from './segment-file.js';

/*
 * Lifetime. Every process that has a segment open holds a shared flock on it, the creator already before the name appears.
 * So an exclusive flock is proof that no process has it open, and the process that gets it removes the name, if the name still
 * leads to that file. A shared lock is never converted: Linux drops it when the conversion fails (flock(2)). An exclusive one is,
 * by a process that had to take over a file which it may not remove: where that fails, another process has taken it over.
 *
 * The lock belongs to an open file, which a mapping keeps alive as much as a descriptor does. Node closes the
 * descriptors of a Worker that is terminated, but no code unmaps its memory: so what is mapped is opened once more, apart
 * from what is locked.
 */

/** How long to wait before looking again while another process removes or creates the name, milliseconds. */
const RETRY_MILLISECONDS = 1;
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
export function* openSegment(request: SegmentRequest): Opening {
  const path = join(directory(), request.osName);
  let made: NewSegment | undefined;
  try {
    for (let last = false; ; last = yield RETRY_MILLISECONDS) {
      const found = yield* openExisting(path, request);
      if (found === undefined) {
        if (request.disposition === 'open') throw new MmfError('NOT_FOUND', `there is no ${path}`);
        made ??= yield* makeSegment(path, request);
        if (nameSegment(made, path)) {
          const { fd, mapped } = made;
          made = undefined;
          sweepLeftovers();
          return mappedSegment(path, { fd, size: request.size, marked: true }, mapped, mapped, true);
        }
      } else if (found !== 'busy') return found;
      if (last) {
        throw new MmfError('BUSY', `${path} was being created or removed by other processes for too long`);
      }
    }
  } catch (error) {
    throw fromFsError(error, `cannot open ${path}`);
  } finally {
    if (made !== undefined) discardSegment(made);
  }
}

/** Undefined: there is none, or it was a leftover and is gone now. `busy`: look again. */
function* openExisting(path: string, request: SegmentRequest): Opening<Segment | 'busy' | undefined> {
  const fd = openFd(path, request.readOnly === true);
  if (fd === undefined) return undefined;
  let segment: Segment | 'busy' | undefined;
  try {
    const stat = fstatSync(fd, { bigint: true });
    checkFile(path, request.osName, stat);
    const fileSize = Number(stat.size);
    const size = readMark(fd, fileSize);
    if (size !== undefined) {
      // Removed: its holders died.
      const removal = removeIfUnused(fd, path);
      if (removal === 'removed') return undefined;
      if (removal === 'refused') {
        if (request.disposition === 'open') return undefined;
        segment = yield* takeOver(fd, path, request);
        return segment;
      }
      // It may have been removed between our opening and our locking.
      if (!flock(fd, LOCK_SH | LOCK_NB) || !leadsTo(path, stat)) return 'busy';
    }
    if (request.disposition === 'create') throw new MmfError('EXISTS', `${path} exists already`);
    segment = mapOpenFile(path, { fd, size: size ?? fileSize, marked: size !== undefined }, request);
    return segment;
  } finally {
    if (segment === undefined || segment === 'busy') closeSync(fd);
  }
}

/**
 * Makes the segment anew in a leftover that this user may not remove, as in a directory where users may remove only what
 * is theirs. We hold the exclusive lock on it.
 */
function* takeOver(fd: number, path: string, request: SegmentRequest): Opening<Segment | 'busy'> {
  const stat = fstatSync(fd, { bigint: true });
  const { size } = request;
  const fileSize = Number(stat.size);
  const total = markedFileSize(size, pageSize());
  if (total > fileSize) {
    throw new MmfError(
      'ACCESS_DENIED',
      `${path} was left behind by user ${stat.uid}, who alone may remove it, and has ${fileSize} bytes; ${total} are needed`,
    );
  }
  const mappedFd = openFd(path, false);
  let mapped: Mapping | undefined;
  let segment: Segment | undefined;
  try {
    if (mappedFd === undefined || !isSameFile(mappedFd, fd)) return 'busy';
    mapped = map(mappedFd, size, PROT_READ | PROT_WRITE, path);
    yield* allocateInSteps(fd, total, path);
    for (let offset = 0; offset < size; offset += STEP_LENGTH) {
      if (offset > 0) yield 0;
      mapped.memory.fill(0, offset, Math.min(offset + STEP_LENGTH, size));
    }
    request.initialise?.(mapped.memory);
    writeSync(fd, encodeMark(size), 0, MARK_LENGTH, fileSize - MARK_LENGTH);
    if (!flock(fd, LOCK_SH | LOCK_NB) || !leadsTo(path, stat)) return 'busy';
    segment = mappedSegment(path, { fd, size, marked: true }, mapped, mapped, true);
    return segment;
  } finally {
    if (mappedFd !== undefined) closeSync(mappedFd);
    if (segment === undefined) mapped?.release();
  }
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
  for (let left = tries; removeIfUnused(fd, path) === 'used' && left > 1; left--) {
    // Linux reports the end of a dead process's FIFOs before it drops the locks on its files.
    Atomics.wait(sleeper, 0, 0, END_RETRY_MILLISECONDS);
  }
}

/** `busy`: the name leads to another file by now. */
function mapOpenFile(
  path: string,
  file: OpenFile,
  { existingSize, readOnly = false }: SegmentRequest,
): Segment | 'busy' {
  if (existingSize > file.size) {
    throw new MmfError('SIZE_MISMATCH', `${path} has ${file.size} bytes, ${existingSize} were asked for`);
  }
  if (file.size === 0) throw new MmfError('SIZE_MISMATCH', `${path} is empty`);
  const fd = openFd(path, readOnly);
  if (fd === undefined) return 'busy';
  try {
    if (!isSameFile(fd, file.fd)) return 'busy';
    const length = existingSize === 0 ? file.size : existingSize;
    const { data, lockPage } = mapData(fd, length, readOnly, path);
    return mappedSegment(path, file, data, lockPage, false);
  } finally {
    closeSync(fd);
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
  data: Mapping,
  lockPage: Mapping | undefined,
  created: boolean,
): Segment {
  if (marked) countHolders(fd, 1);
  const giveUp = (last: boolean) => {
    try {
      if (marked && countHolders(fd, -1) === 0) {
        flock(fd, LOCK_UN);
        removeInTheEnd(fd, path, last ? MAX_END_TRIES : 1);
      }
    } finally {
      closeSync(fd);
    }
  };
  const leadsHere = () => !leadsElsewhere(path, fstatSync(fd, { bigint: true }));
  return new MappedSegment(data, lockPage, created, giveUp, leadsHere, accessOf(fstatSync(fd)));
}
