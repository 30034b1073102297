/**
 * What went wrong, for programs:
 * - `INVALID_ARGUMENT`: an argument or option is unknown, of the wrong type or outside its limits, or `MMFBUS_DIRECTORY` does
 *   not name a directory.
 * - `INVALID_NAME`: a name is empty, too long, or holds a character that names cannot hold.
 * - `NOT_FOUND`: no mapping, or no file, of that name exists.
 * - `EXISTS`: a mapping of that name exists already.
 * - `SIZE_MISMATCH`: the mapping is smaller than the caller asked for.
 * - `NO_SPACE`: the operating system cannot supply that much shared memory, or the disk is full.
 * - `ACCESS_DENIED`: the operating system refuses access, or the file is not one to map.
 * - `BUSY`: other processes were creating or removing the name for as long as was waited.
 * - `CLOSED`: the object was closed before the call, or while it waited.
 * - `READ_ONLY`: a write on something opened for reading only.
 * - `READ_LOCKED`: readers hold the lock.
 * - `WRITE_LOCKED`: a writer holds the lock.
 * - `UNINITIALIZED`: the lock word was never set up by the creator of the mapping.
 * - `MAX_READERS`: the lock already has 16,777,215 readers.
 * - `LOCK_VIOLATION`: a lock was released that is not held.
 * - `TIMEOUT`: the lock was not free within the tries, or the time, that were allowed.
 * - `UNSUPPORTED`: this operating system, or this runtime, cannot do it, or koffi cannot be loaded.
 * - `OS_ERROR`: any other failure of a call to the operating system, such as a lack of descriptors; see `call`, `osCode` and `osMessage`.
 */
export type MmfErrorCode =
  | 'INVALID_ARGUMENT'
  | 'INVALID_NAME'
  | 'NOT_FOUND'
  | 'EXISTS'
  | 'SIZE_MISMATCH'
  | 'NO_SPACE'
  | 'ACCESS_DENIED'
  | 'BUSY'
  | 'CLOSED'
  | 'READ_ONLY'
  | 'READ_LOCKED'
  | 'WRITE_LOCKED'
  | 'UNINITIALIZED'
  | 'MAX_READERS'
  | 'LOCK_VIOLATION'
  | 'TIMEOUT'
  | 'UNSUPPORTED'
  | 'OS_ERROR';

/** The call to the operating system that failed. */
export interface OsFailure {
  /** Name of the call, such as `mmap` or `CreateFileMappingW`. */
  readonly call: string;
  /** The error number: `errno` on POSIX, `GetLastError()` on Windows. */
  readonly osCode: number;
  /** The system's own text for that number. */
  readonly osMessage: string;
}

/** What every copy of this package marks its errors with. */
const BRAND: unique symbol = Symbol.for('mmfbus.MmfError') as never;

/** Every error that `@mmfbus/core` throws. */
export class MmfError extends Error {
  override readonly name = 'MmfError';
  /** What went wrong, for programs. */
  readonly code: MmfErrorCode;
  /** The failed call to the operating system, where there was one. */
  readonly os: OsFailure | undefined;

  constructor(code: MmfErrorCode, message: string, options?: { os?: OsFailure; cause?: unknown }) {
    const os = options?.os;
    super(
      os === undefined ? message : `${message} (${os.call}: ${os.osMessage}, code ${os.osCode})`,
      options?.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    Object.defineProperty(this, BRAND, { value: true });
    this.os = os;
  }

  /** Also of errors that another copy of this package has made. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: of a class that extends this one, only its own.
    const { prototype } = this;
    if (prototype !== MmfError.prototype)
      return Object.prototype.isPrototypeOf.call(prototype, value as object);
    return typeof value === 'object' && value !== null && BRAND in value;
  }
}
