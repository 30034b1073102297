import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs';
import { MmfError } from '../../errors.js';
import { errnoName, fromFsError } from '../../os-error.js';
import type { ReadSegment } from '../platform.js';
import { decodeMark, MARK_LENGTH } from './mark-layout.js';
import { isLocal } from './names.js';

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

/** Refuses what is no regular file, and what bears a name of this user and belongs to another one. */
export function checkFile(
  path: string,
  osName: string,
  stat: { isFile(): boolean; readonly uid: bigint },
): void {
  if (!stat.isFile()) throw new MmfError('ACCESS_DENIED', `${path} is not a regular file`);
  const uid = process.getuid?.() ?? 0;
  if (isLocal(osName) && Number(stat.uid) !== uid) {
    throw new MmfError('ACCESS_DENIED', `${path} belongs to user ${stat.uid}, not to this user, ${uid}`);
  }
}

/** Bytes of the segment in that file; undefined when it has no mark. */
export function readMark(fd: number, fileSize: number): number | undefined {
  const mark = Buffer.alloc(MARK_LENGTH);
  const length = readSync(fd, mark, 0, MARK_LENGTH, Math.max(0, fileSize - MARK_LENGTH));
  return decodeMark(mark.subarray(0, length), fileSize);
}

/** Errors that tell of a file that it is no segment, or not one that this user may join. */
const NO_SEGMENT = /^(?:ENOENT|EACCES|EPERM|ELOOP|ENXIO|ENODEV)$/;

/**
 * Reads a segment of ours, under whatever name, also one that is no longer in use, by what its format says.
 *
 * @returns nothing for a file that is no segment, or that this user may not read: then it cannot join it either.
 * Undefined where that cannot be found out now.
 */
export function readSegmentFile<V>(
  path: string,
  reads: (read: ReadSegment) => Iterable<V>,
): readonly V[] | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    const file = fd;
    const stat = fstatSync(file);
    const size = stat.isFile() ? readMark(file, stat.size) : undefined;
    if (size === undefined) return [];
    const read: ReadSegment = (offset, length) => {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
      return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, offset));
    };
    return [...reads(read)];
  } catch (error) {
    return NO_SEGMENT.test(errnoName(error) ?? '') ? [] : undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
