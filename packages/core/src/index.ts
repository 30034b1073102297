export { MmfError, type MmfErrorCode, type OsFailure } from './errors.js';
export {
  awaitAcquire,
  type Lock,
  type LockKind,
  type LockOutcome,
  type LockWait,
  spinAcquire,
} from './lock.js';
export {
  type CreateOptions,
  type FileOptions,
  type LockMaker,
  MemoryMappedFile,
  type MemoryMappedFileOptions,
} from './memory-mapped-file.js';
export { type ValidNamespace, ValidNamespaces } from './namespaces.js';
export { RWLock } from './rw-lock.js';
export type { TransferOptions } from './transfer.js';
