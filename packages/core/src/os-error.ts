import { getSystemErrorMap } from 'node:util';
import { MmfError, type MmfErrorCode } from './errors.js';

const codeOfErrno: Partial<Record<string, MmfErrorCode>> = {
  EACCES: 'ACCESS_DENIED',
  EPERM: 'ACCESS_DENIED',
  EROFS: 'ACCESS_DENIED',
  EISDIR: 'ACCESS_DENIED',
  ELOOP: 'ACCESS_DENIED',
  EEXIST: 'EXISTS',
  ENOENT: 'NOT_FOUND',
  ENOTDIR: 'NOT_FOUND',
  ENOSPC: 'NO_SPACE',
  EDQUOT: 'NO_SPACE',
  EFBIG: 'NO_SPACE',
  ENOMEM: 'NO_SPACE',
  ENAMETOOLONG: 'INVALID_NAME',
};

/** The error for a failed C call; `errno` is positive. */
export function osError(call: string, errno: number, message: string): MmfError {
  const [name, text] = getSystemErrorMap().get(-errno) ?? ['EUNKNOWN', 'unknown error'];
  return new MmfError(codeOfErrno[name] ?? 'OS_ERROR', message, {
    os: { call, osCode: errno, osMessage: `${name}, ${text}` },
  });
}

/** What Node's own `fs` calls throw, as one of ours. Anything else is not ours to translate. */
export function fromFsError(error: unknown, message: string): unknown {
  if (!(error instanceof Error) || error instanceof MmfError) return error;
  const { errno, syscall } = error as NodeJS.ErrnoException;
  if (errno === undefined || syscall === undefined) return error;
  return osError(syscall, -errno, message);
}

/** The `errno` name of what an `fs` call threw. */
export function errnoName(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
