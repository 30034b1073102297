import { platform } from './platform/index.js';
import type { Leftover } from './platform/platform.js';

/** The folder that holds the files of segments and ports; undefined where there are no files. */
export function memoryFolder(): string | undefined {
  return platform().memoryFolder();
}

/** What dead processes of this user have left, which the next ones to join remove. Removes nothing itself. */
export function findLeftovers(): readonly Leftover[] {
  return platform().findLeftovers();
}
