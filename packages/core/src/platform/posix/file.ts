import { closeSync, constants, fstatSync, openSync, type Stats } from 'node:fs';
import { MmfError, type MmfErrorCode } from '../../errors.js';
import { fromFsError } from '../../os-error.js';
import type { FileRequest, Segment } from '../platform.js';
import { allocate } from './allocation.js';
import { PROT_READ, PROT_WRITE, pageSize } from './libc.js';
import { MappedSegment } from './mapped-segment.js';
import { type Mapping, map } from './mapping/index.js';
import { unlinkIfThere } from './names.js';

const FILE_MODE = 0o600;

/** Maps a file; see {@link Platform.openFile}. */
export function openFile({ path, size, readOnly }: FileRequest): Segment {
  const { fd, made } = openOrMake(path, size, readOnly);
  try {
    const { size: present } = checkFile(fd, path);
    if (size > present && readOnly) {
      throw new MmfError('SIZE_MISMATCH', `${path} has ${present} bytes, ${size} were asked for`);
    }
    if (size > present) allocate(fd, size, path);
    const length = size === 0 ? present : size;
    if (length === 0) throw new MmfError('SIZE_MISMATCH', `${path} is empty`);
    const { data, lockPage } = mapData(fd, length, readOnly, path);
    return new MappedSegment(data, lockPage, present === 0, () => {});
  } catch (error) {
    if (made) unlinkIfThere(path);
    throw fromFsError(error, `cannot map ${path}`);
  } finally {
    // The mapping holds the file by itself.
    closeSync(fd);
  }
}

function openOrMake(path: string, size: number, readOnly: boolean): { fd: number; made: boolean } {
  const flags = readOnly ? constants.O_RDONLY : constants.O_RDWR;
  for (;;) {
    const fd = tryOpen(path, flags, 'NOT_FOUND', readOnly || size === 0);
    if (fd !== undefined) return { fd, made: false };
    const made = tryOpen(path, flags | constants.O_CREAT | constants.O_EXCL, 'EXISTS', false);
    if (made !== undefined) return { fd: made, made: true };
  }
}

/** Undefined where it failed with that code, unless that is the last word. */
function tryOpen(path: string, flags: number, code: MmfErrorCode, isLast: boolean): number | undefined {
  try {
    return open(path, flags);
  } catch (error) {
    if (isLast || !(error instanceof MmfError) || error.code !== code) throw error;
    return undefined;
  }
}

/** Maps the first `length` bytes, and the lock word so that it can be changed where the user may. */
export function mapData(
  fd: number,
  length: number,
  readOnly: boolean,
  path: string,
): { readonly data: Mapping; readonly lockPage: Mapping | undefined } {
  const data = map(fd, length, readOnly ? PROT_READ : PROT_READ | PROT_WRITE, path);
  try {
    return { data, lockPage: readOnly ? mapLockPage(path, length) : data };
  } catch (error) {
    data.release();
    throw error;
  }
}

/**
 * Maps the first page for writing, for the lock word that lies in it.
 *
 * @returns undefined where this process may only read.
 */
function mapLockPage(path: string, length: number): Mapping | undefined {
  let fd: number | undefined;
  try {
    fd = open(path, constants.O_RDWR);
    return map(fd, Math.min(length, pageSize()), PROT_READ | PROT_WRITE, path);
  } catch (error) {
    if (error instanceof MmfError && error.code === 'ACCESS_DENIED') return undefined;
    throw error;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function checkFile(fd: number, path: string): Stats {
  const stat = fstatSync(fd);
  if (!stat.isFile()) throw new MmfError('ACCESS_DENIED', `${path} is not a regular file`);
  return stat;
}

function open(path: string, flags: number): number {
  try {
    return openSync(path, flags | constants.O_NONBLOCK, FILE_MODE);
  } catch (error) {
    throw fromFsError(error, `cannot open ${path}`);
  }
}
