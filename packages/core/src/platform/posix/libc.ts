import { MmfError } from '../../errors.js';
import { osError } from '../../os-error.js';
import { koffi } from '../koffi.js';

/** `PROT_*` of `<sys/mman.h>`; the same on Linux and macOS. */
export const PROT_READ = 1;
export const PROT_WRITE = 2;
const MAP_SHARED = 1;
const MAP_PRIVATE = 2;
const MAP_FIXED = 0x10;
const MAP_ANONYMOUS: number = process.platform === 'darwin' ? 0x1000 : 0x20;
const MS_SYNC: number = process.platform === 'darwin' ? 0x10 : 4;
/** `MADV_*` of Linux. */
const MADV_HUGEPAGE = 14;
const MADV_POPULATE_WRITE = 23;
/** Of `<fcntl.h>`. */
const F_DUPFD_CLOEXEC: number = process.platform === 'darwin' ? 67 : 1030;
/** `LOCK_*` of `<sys/file.h>`; the same on Linux and macOS. */
export const LOCK_SH = 1;
export const LOCK_EX = 2;
export const LOCK_NB = 4;
export const LOCK_UN = 8;

/** The functions of the C library that are used, under their own names. */
interface Libc {
  mmap(
    address: bigint | null,
    length: number,
    protection: number,
    flags: number,
    fd: number,
    offset: number,
  ): unknown;
  munmap(address: unknown, length: number): number;
  msync(address: unknown, length: number, flags: number): number;
  madvise(address: unknown, length: number, advice: number): number;
  flock(fd: number, operation: number): number;
  mkfifo(path: string, mode: number): number;
  fcntl(fd: number, command: number, type: 'int', value: number): number;
  getgrnam_r(
    name: string,
    group: Uint8Array,
    buffer: Uint8Array,
    length: number,
    result: BigUint64Array,
  ): number;
  sched_yield(): number;
  clock_gettime(clock: number, time: BigInt64Array): number;
  getpagesize(): number;
  /** macOS has none. */
  readonly posix_fallocate: ((fd: number, offset: number, length: number) => number) | undefined;
}

let loaded: Libc | undefined;

/** The library, bound at the first use, so that this module can be imported anywhere. */
function libc(): Libc {
  loaded ??= load();
  return loaded;
}

function load(): Libc {
  const native = koffi();
  try {
    const library = native.load(null);
    return {
      mmap: library.func(
        'void *mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset)',
      ),
      munmap: library.func('int munmap(void *address, size_t length)'),
      msync: library.func('int msync(void *address, size_t length, int flags)'),
      madvise: library.func('int madvise(void *address, size_t length, int advice)'),
      flock: library.func('int flock(int fd, int operation)'),
      mkfifo: library.func('int mkfifo(const char *path, uint32_t mode)'),
      fcntl: library.func('int fcntl(int fd, int command, ...)'),
      getgrnam_r: library.func(
        'int getgrnam_r(const char *name, void *group, void *buffer, size_t length, void *result)',
      ),
      sched_yield: library.func('int sched_yield()'),
      clock_gettime: library.func('int clock_gettime(int clock, void *time)'),
      getpagesize: library.func('int getpagesize()'),
      posix_fallocate:
        process.platform === 'darwin'
          ? undefined
          : library.func('int posix_fallocate(int fd, int64_t offset, int64_t length)'),
    };
  } catch (cause) {
    throw new MmfError(
      'UNSUPPORTED',
      `mmfbus cannot call the C library of this process: ${(cause as Error).message}`,
      { cause },
    );
  }
}

let knownPageSize = 0;

/** Bytes of a page of memory. */
export function pageSize(): number {
  knownPageSize ||= libc().getpagesize();
  return knownPageSize;
}

/** Addresses of this process. */
export interface Region {
  readonly address: bigint;
  /** Bytes of it. */
  readonly length: number;
}

/** What `mmap` returned, which for a failure is the pointer -1. */
function addressOf(mapped: unknown, message: string): bigint {
  const address = koffi().address(mapped);
  if (BigInt.asIntN(64, address) === -1n) throw osError('mmap', koffi().errno(), message);
  return address;
}

/**
 * Maps the first `length` bytes of a file, shared.
 *
 * @param over the address where they are to lie, in place of what lies there. Defaults to free addresses.
 * @returns the address.
 */
export function mapFile(fd: number, length: number, protection: number, path: string, over?: bigint): bigint {
  const flags = over === undefined ? MAP_SHARED : MAP_SHARED | MAP_FIXED;
  const mapped = libc().mmap(over ?? null, length, protection, flags, fd, 0);
  return addressOf(mapped, `cannot map ${length} bytes of ${path}`);
}

/** Puts zeroed memory of this process in the place of what is mapped there. */
export function mapZeros({ address, length }: Region): void {
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
  const mapped = libc().mmap(address, length, PROT_READ | PROT_WRITE, flags, -1, 0);
  addressOf(mapped, `cannot unmap ${length} bytes`);
}

/** Unmaps; no buffer may lead there any more. */
export function unmap({ address, length }: Region): void {
  if (libc().munmap(address, length) !== 0)
    throw osError('munmap', koffi().errno(), `cannot unmap ${length} bytes`);
}

/** Writes changes of a file's memory to the disk, and waits for that. */
export function sync({ address, length }: Region): void {
  if (libc().msync(address, length, MS_SYNC) !== 0)
    throw osError('msync', koffi().errno(), `cannot flush ${length} bytes`);
}

/** Asks for huge pages. Returns the errno, 0 for success. */
export function adviseHugePages({ address, length }: Region): number {
  return libc().madvise(address, length, MADV_HUGEPAGE) === 0 ? 0 : koffi().errno();
}

/** Allocates the memory now: an errno where a store would end the process. */
export function populate({ address, length }: Region): number {
  return libc().madvise(address, length, MADV_POPULATE_WRITE) === 0 ? 0 : koffi().errno();
}

/** Takes or drops a lock on the open file; false when another process holds it. */
export function flock(fd: number, operation: number): boolean {
  if (libc().flock(fd, operation) === 0) return true;
  const errno = koffi().errno();
  if (errno === koffi().os.errno['EWOULDBLOCK'] || errno === koffi().os.errno['EAGAIN']) return false;
  throw osError('flock', errno, 'cannot lock the segment');
}

/**
 * Claims blocks of the file, so that a full file system is an error now and not a SIGBUS at the first store.
 *
 * @returns the errno, 0 for success; undefined where the system has no such call.
 */
export function fallocate(fd: number, offset: number, length: number): number | undefined {
  const { posix_fallocate: claim } = libc();
  if (claim === undefined) return undefined;
  for (;;) {
    const errno = claim(fd, offset, length);
    if (errno !== koffi().os.errno['EINTR']) return errno;
  }
}

/** Another descriptor of the same open file, closed in child processes. */
export function duplicate(fd: number): number {
  const copy = libc().fcntl(fd, F_DUPFD_CLOEXEC, 'int', 0);
  if (copy === -1) throw osError('fcntl', koffi().errno(), 'cannot duplicate a descriptor');
  return copy;
}

/** Makes a FIFO. */
export function mkfifo(path: string, mode: number): void {
  if (libc().mkfifo(path, mode) !== 0)
    throw osError('mkfifo', koffi().errno(), `cannot make the FIFO ${path}`);
}

/** `struct group` of `<grp.h>`, on every system of 64 bits: three pointers, and the id behind the second. */
const GROUP_LENGTH = 32;
const GROUP_ID_OFFSET = 16;
/** Room for the names of a group's members, bytes; doubled where that is not enough. */
const FIRST_GROUP_BUFFER: number = 16 * 1024;
const LARGEST_GROUP_BUFFER: number = 16 * 1024 * 1024;

/** The id of a group, by whatever the system knows groups from; undefined where no group has that name. */
export function findGroup(name: string): number | undefined {
  const group = new Uint8Array(GROUP_LENGTH);
  const result = new BigUint64Array(1);
  for (let length = FIRST_GROUP_BUFFER; length <= LARGEST_GROUP_BUFFER; length *= 2) {
    const errno = libc().getgrnam_r(name, group, new Uint8Array(length), length, result);
    if (errno === koffi().os.errno['ERANGE']) continue;
    return result[0] === 0n ? undefined : new DataView(group.buffer).getUint32(GROUP_ID_OFFSET, true);
  }
  return undefined;
}

/** The clock of `process.hrtime` in Node: `CLOCK_MONOTONIC`, on macOS `CLOCK_UPTIME_RAW`, which is `mach_absolute_time`. */
const MONOTONIC_CLOCK: number = process.platform === 'darwin' ? 8 : 1;

/** Nanoseconds of the monotonic clock. */
export function clockTime(): bigint {
  // A `timespec`: seconds and nanoseconds.
  const time = new BigInt64Array(2);
  libc().clock_gettime(MONOTONIC_CLOCK, time);
  return (time[0] as bigint) * 1_000_000_000n + (time[1] as bigint);
}

/** Lets another thread run that waits for this core. */
export function yieldThread(): void {
  libc().sched_yield();
}
