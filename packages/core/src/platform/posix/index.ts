import { runtime } from '../../runtime.js';
import { timers } from '../../timers.js';
import type { Platform } from '../platform.js';
import { accessOfNew, audienceOf, refusalOf } from './audience.js';
import { openFile } from './file.js';
import { findLeftovers } from './found-leftovers.js';
import { clockTime, yieldThread } from './libc.js';
import { directory, fileNameOf } from './names.js';
import { connectBell, openPort, probeLife, watchLife } from './port.js';
import { openSegment } from './segment.js';
import { viewSegment } from './segment-view.js';
import { advanceRemovals, removePort, sweepPorts } from './sweeper.js';

/** Linux and macOS. */
export const posixPlatform: Platform = {
  osName: fileNameOf,
  openSegment,
  viewSegment,
  openFile,
  openPort,
  accessOfNew,
  audienceOf,
  refusalOf,
  connectBell,
  watchLife,
  probeLife,
  removePort,
  yieldThread,
  // In Bun and Deno the clock of `process.hrtime` begins with the process.
  monotonicTime: runtime === 'bun' || runtime === 'deno' ? clockTime : timers.hrtime,
  sweepPorts,
  advanceRemovals,
  memoryFolder: directory,
  findLeftovers,
};
