import type { Platform } from '../platform.js';
import { openFile } from './file.js';
import { readPageSize, yieldThread } from './kernel32.js';
import { probeLife, watchLife } from './life.js';
import { objectNameOf } from './names.js';
import { advanceRemovals, connectBell, openPort, removePort, sweepPorts } from './port.js';
import { openSegment } from './segment.js';

/** Windows. */
export function createWindowsPlatform(): Platform {
  return {
    pageSize: readPageSize(),
    osName: objectNameOf,
    openSegment,
    openFile,
    openPort,
    connectBell,
    watchLife,
    probeLife,
    removePort,
    yieldThread,
    sweepPorts,
    advanceRemovals,
  };
}
