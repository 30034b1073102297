import type { Platform } from '../platform.js';
import { openFile } from './file.js';
import { pageSize, yieldThread } from './libc.js';
import { fileNameOf } from './names.js';
import { connectBell, openPort, probeLife, watchLife } from './port.js';
import { openSegment } from './segment.js';
import { advanceRemovals, removePort, sweepPorts } from './sweeper.js';

/** Linux and macOS. */
export function createPosixPlatform(): Platform {
  return {
    pageSize,
    osName: fileNameOf,
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
