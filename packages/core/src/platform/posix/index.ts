import type { Platform } from '../platform.js';
import { accessOfNew, audienceOf, refusalOf } from './audience.js';
import { openFile } from './file.js';
import { findLeftovers } from './found-leftovers.js';
import { yieldThread } from './libc.js';
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
  sweepPorts,
  advanceRemovals,
  memoryFolder: directory,
  findLeftovers,
};
