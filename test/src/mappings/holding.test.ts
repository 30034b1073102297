import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryMappedFile } from '@mmfbus/core';
import { describe, expect, it } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { startCode } from '../support/spawn.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { uniqueName } from '../support/unique-name.js';
import { workspaceRoot } from '../support/workspace.js';

ownDirectory('holding');
const folder = temporaryFolder('holding-dumps');

/** More than is moved at a time, so that a dump reports progress before it is done. */
const SIZE = 3 * 2 ** 20;

const holding = {
  withReadLock: 'mapping.withReadLock(use)',
  withWriteLock: 'mapping.withWriteLock(use)',
  dumpTo: 'mapping.dumpTo(path, { onProgress: use })',
};

const endings = {
  'close()': 'mapping.close()',
  'process.exit()': 'process.exit()',
  'an uncaught exception': "return later(() => { throw new Error('mine') })",
  SIGTERM: "return later(() => process.kill(process.pid, 'SIGTERM'))",
};

// A signal ends a process of Windows at once, which then gives nothing back.
const told = Object.entries(endings).filter(
  ([ending]) => process.platform !== 'win32' || ending !== 'SIGTERM',
);

const cases = Object.entries(holding).flatMap(([how, hold]) =>
  told.map(([ending, end]) => ({ how, hold, ending, end })),
);

describe('a lock that is held', () => {
  it.each(cases)('by $how is free after $ending', async ({ hold, end }) => {
    const name = uniqueName('holding');
    const path = join(folder, name);
    writeFileSync(path, 'old');
    using mapping = MemoryMappedFile.create(name, SIZE);
    const program = startCode(
      `import { MemoryMappedFile } from '@mmfbus/core';
       const mapping = MemoryMappedFile.open(${JSON.stringify(name)});
       const path = ${JSON.stringify(path)};
       const later = (action) => { setImmediate(action); return new Promise(() => {}); };
       const use = () => { ${end} };
       await ${hold}.catch((error) => { if (error.code !== 'CLOSED') throw error; });`,
      { cwd: join(workspaceRoot, 'test') },
    );
    await program.exit();
    expect(mapping.lock.describe()).toMatch(/free/);
    expect(readdirSync(folder).filter((file) => file.startsWith(name))).toEqual([name]);
    // A dump is short: it may be complete before a signal or an exception ends the process.
    expect(readFileSync(path, 'utf8') === 'old' || readFileSync(path).length === SIZE).toBe(true);
  });
});
