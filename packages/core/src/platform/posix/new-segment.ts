import { closeSync, constants, fchmodSync, ftruncateSync, linkSync, openSync, writeSync } from 'node:fs';
import { MmfError } from '../../errors.js';
import { errnoName, fromFsError } from '../../os-error.js';
import type { Opening, SegmentRequest } from '../platform.js';
import { allocateInSteps, checkSpace, useLargePages } from './allocation.js';
import { DEFAULT_MODE } from './audience.js';
import { giveToGroup, groupId } from './group.js';
import { sweep } from './leftovers.js';
import { flock, LOCK_NB, LOCK_SH, PROT_READ, PROT_WRITE, pageSize } from './libc.js';
import { type Mapping, map } from './mapping/index.js';
import { encodeMark, MARK_LENGTH, markedFileSize } from './mark-layout.js';
import { directoryNote, temporaryPath, unlinkIfThere } from './names.js';

/** A segment that is complete but for its name. */
export interface NewSegment {
  readonly temporary: string;
  readonly fd: number;
  readonly mapped: Mapping;
}

/** Makes the segment for that path, under a name of its own. */
export function* makeSegment(path: string, request: SegmentRequest): Opening<NewSegment> {
  const temporary = temporaryPath();
  const { size, mode = DEFAULT_MODE, group, largePages = false } = request;
  let fd: number | undefined;
  let mappedFd: number | undefined;
  let mapped: Mapping | undefined;
  let complete = false;
  try {
    fd = openSync(
      temporary,
      constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
      DEFAULT_MODE,
    );
    // Before the mode, which may forbid it.
    mappedFd = openSync(temporary, constants.O_RDWR | constants.O_NOFOLLOW);
    if (group !== undefined) giveToGroup(fd, groupId(group), path);
    fchmodSync(fd, mode);
    flock(fd, LOCK_SH | LOCK_NB);
    const total = markedFileSize(size, pageSize());
    if (!largePages) yield* claim(fd, total, path);
    else ftruncateSync(fd, total);
    writeSync(fd, encodeMark(size), 0, MARK_LENGTH, total - MARK_LENGTH);
    mapped = map(mappedFd, size, PROT_READ | PROT_WRITE, path);
    if (largePages) useLargePages(mapped, path);
    request.initialise?.(mapped.memory);
    complete = true;
    return { temporary, fd, mapped };
  } catch (error) {
    throw fromFsError(error, `cannot create ${path}${directoryNote()}`);
  } finally {
    if (mappedFd !== undefined) closeSync(mappedFd);
    if (!complete) {
      mapped?.release();
      if (fd !== undefined) closeSync(fd);
      unlinkIfThere(temporary);
    }
  }
}

/** Claims the memory of a new file; where there is not enough, that of leftovers is given back first. */
function* claim(fd: number, length: number, path: string): Opening<void> {
  try {
    checkSpace(length, path);
  } catch (error) {
    if (!(error instanceof MmfError)) throw error;
    for (const _ of sweep()) yield 0;
    checkSpace(length, path);
  }
  yield* allocateInSteps(fd, length, path);
}

/** Gives the segment its name; false when the name is taken. */
export function nameSegment({ temporary }: NewSegment, path: string): boolean {
  try {
    linkSync(temporary, path);
  } catch (error) {
    if (errnoName(error) === 'EEXIST') return false;
    throw fromFsError(error, `cannot create ${path}${directoryNote()}`);
  }
  unlinkIfThere(temporary);
  return true;
}

/** Removes a segment that got no name. */
export function discardSegment({ temporary, fd, mapped }: NewSegment): void {
  mapped.release();
  closeSync(fd);
  unlinkIfThere(temporary);
}
