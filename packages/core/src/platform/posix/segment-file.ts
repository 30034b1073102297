import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { MmfError } from '../../errors.js';
import { errnoName, fromFsError } from '../../os-error.js';
import type { ReadSegment } from '../platform.js';
import { decodeMark, MARK_LENGTH } from './mark-layout.js';
import { directory, isSegmentName } from './names.js';

/** Undefined: there is none. */
export function openFd(path: string, readOnly: boolean): number | undefined {
  try {
    // Non-blocking, so that something else of that name, such as a FIFO, cannot hold us up.
    return openSync(
      path,
      (readOnly ? constants.O_RDONLY : constants.O_RDWR) | constants.O_NONBLOCK | constants.O_NOFOLLOW,
    );
  } catch (error) {
    if (errnoName(error) === 'ENOENT') return undefined;
    throw fromFsError(error, `cannot open ${path}${ownerOf(path)}`);
  }
}

function ownerOf(path: string): string {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat === undefined ? '' : `, which belongs to user ${stat.uid}`;
}

/** Bytes of the segment in that file; undefined when it has no mark. */
export function readMark(fd: number, fileSize: number): number | undefined {
  const mark = Buffer.alloc(MARK_LENGTH);
  const length = readSync(fd, mark, 0, MARK_LENGTH, Math.max(0, fileSize - MARK_LENGTH));
  return decodeMark(mark.subarray(0, length), fileSize);
}

/**
 * Whether `looks` is true of any segment of ours in the directory, under whatever name, also of those that nobody uses
 * any more. Segments that this user may not read are left out: it cannot take part in them. True as well where that
 * cannot be found out.
 */
export function someSegment(looks: (read: ReadSegment) => boolean): boolean {
  try {
    return readdirSync(directory()).some(
      (name) => isSegmentName(name) && looksAt(join(directory(), name), looks),
    );
  } catch {
    return true;
  }
}

function looksAt(path: string, looks: (read: ReadSegment) => boolean): boolean {
  let fd: number | undefined;
  try {
    fd = openFd(path, true);
    if (fd === undefined) return false;
    const file = fd;
    const stat = fstatSync(file);
    const size = stat.isFile() ? readMark(file, stat.size) : undefined;
    if (size === undefined) return false;
    return looks((offset, length) => {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
      return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, offset));
    });
  } catch (error) {
    if (error instanceof MmfError && error.code === 'ACCESS_DENIED') return false;
    throw error;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
