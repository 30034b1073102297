import { closeSync, constants, fstatSync, openSync, type Stats } from 'node:fs';
import { MmfError } from '../../errors.js';
import { fromFsError } from '../../os-error.js';
import type { FileRequest, Segment } from '../platform.js';
import { allocate } from './allocation.js';
import { type Mapped, map, PROT_READ, PROT_WRITE, pageSize } from './libc.js';
import { MappedSegment } from './mapped-segment.js';

const FILE_MODE = 0o600;

/** Maps a file; see {@link Platform.openFile}. */
export function openFile({ path, size, readOnly }: FileRequest): Segment {
  const fd = open(
    path,
    readOnly ? constants.O_RDONLY : constants.O_RDWR | (size > 0 ? constants.O_CREAT : 0),
  );
  try {
    const { size: present } = checkFile(fd, path);
    if (size > present && readOnly) {
      throw new MmfError('SIZE_MISMATCH', `${path} has ${present} bytes, ${size} were asked for`);
    }
    if (size > present) allocate(fd, size, path);
    const length = size === 0 ? present : size;
    if (length === 0) throw new MmfError('SIZE_MISMATCH', `${path} is empty`);
    const data = map(fd, length, readOnly ? PROT_READ : PROT_READ | PROT_WRITE, path);
    return new MappedSegment(data, readOnly ? mapLockPage(path, length) : data, present === 0, () => {});
  } finally {
    // The mapping holds the file by itself.
    closeSync(fd);
  }
}

/**
 * Maps the first page for writing, for the lock word that lies in it.
 *
 * @returns undefined where this process may only read.
 */
export function mapLockPage(path: string, length: number): Mapped | undefined {
  let fd: number | undefined;
  try {
    fd = open(path, constants.O_RDWR);
    return map(fd, Math.min(length, pageSize), PROT_READ | PROT_WRITE, path);
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
