import { existsSync, readdirSync } from 'node:fs';
import { beforeEach, expect } from 'vitest';
import { temporaryFolder } from './temporary-folder.js';

/**
 * Gives the segments and ports of this file's tests, and of the processes they start, a directory of their own, so that
 * whatever is in it after a test was left behind: that fails the test. To be called outside tests, once.
 *
 * @returns its path.
 */
export function ownDirectory(label: string): string {
  // Where segments live by default, so that the same kind of file system is tested.
  const directory = temporaryFolder(label, existsSync('/dev/shm') ? '/dev/shm' : undefined);
  process.env['MMFBUS_DIRECTORY'] = directory;
  // What beforeEach returns runs last, after every afterEach has closed what it closes.
  beforeEach(() => () => expect(readdirSync(directory), 'files left behind').toEqual([]));
  return directory;
}
