import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';

/**
 * A new folder for the tests of this file or `describe`; it is removed after the last of them, also when they fail. To be
 * called outside tests.
 *
 * @param label what it is for.
 * @param parent defaults to the folder for temporary files.
 * @returns its path.
 */
export function temporaryFolder(label: string, parent: string = tmpdir()): string {
  // Vitest takes no notice of an afterAll in a test.
  if (expect.getState().currentTestName !== undefined) throw new Error('called in a test');
  const folder = mkdtempSync(join(parent, `mmfbus-test-${process.pid}-${label}-`));
  afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}
