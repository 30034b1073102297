export { callAlone } from './call-alone.js';
export { MmfError, type MmfErrorCode, type OsFailure } from './errors.js';
export { atExit } from './exit-hooks.js';
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
export type {
  Bell,
  Disposition,
  LifeWatch,
  Liveness,
  NamedPorts,
  PortAddress,
  ProcessIdentity,
  ReadSegment,
  RingOutcome,
  Segment,
} from './platform/platform.js';
export {
  advanceRemovals,
  connectBell,
  leasePort,
  type NamesWatch,
  type PortLease,
  probeLife,
  removePort,
  sweepPorts,
  watchLife,
  watchNames,
  yieldThread,
} from './ports.js';
export { RWLock } from './rw-lock.js';
export { awaitSegment, type OpenSegmentOptions, openSegment } from './segment.js';
export {
  copyIn,
  copyInto,
  copyOut,
  fillShared,
  type SharedBytes,
  type SharedMemory,
  sharedBytes,
  sharedLongs,
  sharedWords,
  shareMemory,
} from './shared-memory.js';
export { type PauseOptions, type Timers, timers } from './timers.js';
export type { TransferOptions } from './transfer.js';
