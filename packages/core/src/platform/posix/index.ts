import type { Platform } from '../platform.js';
import { openFile } from './file.js';
import { pageSize, yieldThread } from './libc.js';
import { fileNameOf } from './names.js';
import { connectBell, openPort, probeLife, removePort, sweepPorts, watchLife } from './port.js';
import { openSegment } from './segment.js';

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
  };
}
