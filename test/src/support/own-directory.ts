import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';

/**
 * Gives the segments and ports of this file's tests, and of the processes they start, a directory of their own, so that
 * whatever is in it after a test was left behind: that fails the test. It is there from the first test to the last; where all
 * are skipped there is none. To be called outside tests, once.
 *
 * @returns its path.
 */
export function ownDirectory(label: string): string {
  // Where segments live by default, so that the same kind of file system is tested.
  const parent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const directory = join(parent, `mmfbus-test-${process.pid}-${label}-${randomBytes(4).toString('hex')}`);
  beforeAll(() => void mkdirSync(directory));
  afterAll(() => rmSync(directory, { recursive: true, force: true, maxRetries: 3 }));
  process.env['MMFBUS_DIRECTORY'] = directory;
  // What beforeEach returns runs last, after every afterEach has closed what it closes.
  beforeEach(() => () => expect(readdirSync(directory), 'files left behind').toEqual([]));
  return directory;
}
