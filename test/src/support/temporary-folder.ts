import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';

/**
 * A new folder for the tests of this file or `describe`, from the first of them on; it is removed after the last, also when
 * they fail. Where all are skipped there is none. To be called outside tests.
 *
 * @param label what it is for.
 * @param parent defaults to the folder for temporary files.
 * @returns its path.
 */
export function temporaryFolder(label: string, parent: string = tmpdir()): string {
  // Vitest takes no notice of an afterAll in a test.
  if (expect.getState().currentTestName !== undefined) throw new Error('called in a test');
  const folder = join(parent, `mmfbus-test-${process.pid}-${label}-${randomBytes(4).toString('hex')}`);
  beforeAll(() => void mkdirSync(folder, { recursive: true }));
  afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}
