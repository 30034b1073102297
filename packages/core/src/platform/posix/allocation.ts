import { readFileSync, statfsSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { MmfError } from '../../errors.js';
import { fromFsError, osError } from '../../os-error.js';
import { adviseHugePages, fallocate, type Mapped, populate } from './libc.js';

const CHUNK_LENGTH = 1 << 20;

function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(dirname(path));
  return bavail * bsize;
}

/** Claims the blocks of the first `length` bytes, so that a full file system is an error now and not a SIGBUS later. */
export function allocate(fd: number, length: number, path: string): void {
  const errno = fallocate(fd, length);
  if (errno === undefined) {
    fillWithZeros(fd, length, path);
  } else if (errno !== 0) {
    const message = `cannot allocate ${length} bytes for ${path}: ${freeBytes(path)} are free`;
    throw osError('posix_fallocate', errno, message);
  }
}

/** For systems without `posix_fallocate`. Only for a new file. */
function fillWithZeros(fd: number, length: number, path: string): void {
  const zeros = Buffer.alloc(Math.min(CHUNK_LENGTH, length));
  try {
    for (let done = 0; done < length; )
      done += writeSync(fd, zeros, 0, Math.min(zeros.length, length - done), done);
  } catch (error) {
    throw fromFsError(error, `cannot allocate ${length} bytes for ${path}: ${freeBytes(path)} are free`);
  }
}

/**
 * Has a new mapping use huge pages, and allocates them.
 *
 * @throws {@link MmfError} `UNSUPPORTED` where the file system is not mounted for that.
 */
export function useLargePages(mapped: Mapped, path: string): void {
  const setting = hugeOption(dirname(path));
  if (setting === undefined || setting === 'never') {
    const how = `it is mounted with huge=${setting ?? 'never'}; it must be advise, within_size or always`;
    throw new MmfError('UNSUPPORTED', `no large pages for ${path}: ${how}`);
  }
  const errno = adviseHugePages(mapped) || populate(mapped);
  if (errno !== 0) {
    const message = `cannot allocate ${mapped.length} bytes in large pages for ${path}: ${freeBytes(path)} are free`;
    throw osError('madvise', errno, message);
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
