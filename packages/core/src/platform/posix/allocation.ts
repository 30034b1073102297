import { readFileSync, statfsSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { MmfError } from '../../errors.js';
import { fromFsError, osError } from '../../os-error.js';
import type { Opening } from '../platform.js';
import { adviseHugePages, fallocate, populate, type Region } from './libc.js';

const CHUNK_LENGTH = 1 << 20;
/** Bytes that are allocated, or zeroed, in one turn of the event loop: some milliseconds. */
export const STEP_LENGTH: number = 1 << 23;

function noSpace(length: number, path: string): string {
  const { bavail, bsize } = statfsSync(dirname(path));
  return `cannot allocate ${length} bytes for ${path}: ${bavail * bsize} are free`;
}

/** Claims the blocks of the first `length` bytes, so that a full file system is an error now and not a SIGBUS later. */
export function allocate(fd: number, length: number, path: string): void {
  const errno = fallocate(fd, 0, length);
  if (errno === undefined) fillWithZeros(fd, 0, length, path);
  else if (errno !== 0) throw osError('posix_fallocate', errno, noSpace(length, path));
}

/**
 * Sees to it that not all memory is claimed for what cannot have enough.
 *
 * @throws {@link MmfError} `NO_SPACE`.
 */
export function checkSpace(length: number, path: string): void {
  const { blocks, bavail, bsize } = statfsSync(dirname(path));
  // A file system without a limit counts no blocks.
  if (blocks > 0 && bavail * bsize < length) throw new MmfError('NO_SPACE', noSpace(length, path));
}

/** As {@link allocate}, with turns of the event loop in between. */
export function* allocateInSteps(fd: number, length: number, path: string): Opening<void> {
  for (let offset = 0; offset < length; offset += STEP_LENGTH) {
    if (offset > 0) yield 0;
    const part = Math.min(STEP_LENGTH, length - offset);
    const errno = fallocate(fd, offset, part);
    if (errno === undefined) fillWithZeros(fd, offset, part, path);
    else if (errno !== 0) throw osError('posix_fallocate', errno, noSpace(length, path));
  }
}

/** For systems without `posix_fallocate`. Only for a new file. */
function fillWithZeros(fd: number, offset: number, length: number, path: string): void {
  const zeros = Buffer.alloc(Math.min(CHUNK_LENGTH, length));
  try {
    for (let done = 0; done < length; )
      done += writeSync(fd, zeros, 0, Math.min(zeros.length, length - done), offset + done);
  } catch (error) {
    throw fromFsError(error, noSpace(length, path));
  }
}

/**
 * Has a new mapping use huge pages, and allocates them.
 *
 * @throws {@link MmfError} `UNSUPPORTED` where the file system is not mounted for that.
 */
export function useLargePages(mapped: Region, path: string): void {
  const setting = hugeOption(dirname(path));
  if (setting === undefined || setting === 'never') {
    const how = `it is mounted with huge=${setting ?? 'never'}; it must be advise, within_size or always`;
    throw new MmfError('UNSUPPORTED', `no large pages for ${path}: ${how}`);
  }
  const errno = adviseHugePages(mapped) || populate(mapped);
  if (errno !== 0) {
    throw osError('madvise', errno, `${noSpace(mapped.length, path)}, large pages were asked for`);
  }
}

/** The option `huge` of the tmpfs that is mounted there (tmpfs(5)); undefined where there is none. */
function hugeOption(directory: string): string | undefined {
  try {
    for (const line of readFileSync('/proc/self/mounts', 'utf8').split('\n').reverse()) {
      const [, mountPoint, , options = ''] = line.split(' ');
      if (mountPoint === directory) return /(?:^|,)huge=(\w+)/.exec(options)?.[1];
    }
  } catch {
    // No such list on this system.
  }
  return undefined;
}
