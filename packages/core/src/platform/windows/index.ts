import { timers } from '../../timers.js';
import type { Platform } from '../platform.js';
import { openFile } from './file.js';
import { yieldThread } from './kernel32.js';
import { probeLife, watchLife } from './life.js';
import { objectNameOf } from './names.js';
import {
  accessOfNew,
  advanceRemovals,
  audienceOf,
  connectBell,
  openPort,
  refusalOf,
  removePort,
  sweepPorts,
} from './port.js';
import { openSegment } from './segment.js';
import { viewSegment } from './segment-view.js';

/** Windows. */
export const windowsPlatform: Platform = {
  osName: objectNameOf,
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
  monotonicTime: timers.hrtime,
  sweepPorts,
  advanceRemovals,
  // The operating system removes memory with its last user.
  memoryFolder: () => undefined,
  findLeftovers: () => [],
};
