/**
 * What the other packages of mmfbus use of this one. It is no API: it changes without notice.
 *
 * @module
 */
export { callAlone } from './call-alone.js';
export { atExit } from './exit-hooks.js';
export { findLeftovers, memoryFolder } from './leftovers.js';
export type {
  Access,
  Audience,
  Bell,
  Disposition,
  Leftover,
  LifeWatch,
  Liveness,
  NamedPorts,
  PortAddress,
  ProcessIdentity,
  ReadSegment,
  RingOutcome,
  Segment,
  SegmentView,
} from './platform/platform.js';
export {
  accessOfNew,
  advanceRemovals,
  audienceOf,
  connectBell,
  leasePort,
  monotonicTime,
  type NamesWatch,
  type PortLease,
  probeLife,
  refusalOf,
  removePort,
  sweepPorts,
  watchLife,
  watchNames,
  yieldThread,
} from './ports.js';
export { randomNonce } from './random.js';
export { awaitSegment, type OpenSegmentOptions, openSegment, viewSegment } from './segment.js';
export {
  copyIn,
  copyInto,
  copyOut,
  fillShared,
  type OwnBytes,
  type OwnLongs,
  type OwnWords,
  type SharedBytes,
  type SharedMemory,
  type SharedStores,
  sharedBytes,
  sharedLongs,
  sharedStores,
  sharedWords,
  shareMemory,
} from './shared-memory.js';
export { type PauseOptions, type Timers, timers } from './timers.js';
