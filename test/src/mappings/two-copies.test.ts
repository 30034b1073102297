import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { secondCopyOf } from '../support/second-copy.js';
import { startCode } from '../support/spawn.js';
import { uniqueName } from '../support/unique-name.js';
import { packageFolder } from '../support/workspace.js';

const directory = ownDirectory('two-copies');
const [first, second] = [packageFolder('core'), secondCopyOf('core')].map((folder) =>
  join(folder, 'dist', 'index.js'),
);

describe('a process with two copies of core', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('ends by %s, and leaves nothing', async (signal) => {
    const name = uniqueName('copies');
    const program = startCode(
      `import { MemoryMappedFile as First } from ${JSON.stringify(first)};
       import { MemoryMappedFile as Second } from ${JSON.stringify(second)};
       const one = First.create(${JSON.stringify(name)}, 10);
       const two = Second.open(${JSON.stringify(name)});
       one.close();
       two.close();
       First.create(${JSON.stringify(`${name}-1`)}, 10);
       Second.create(${JSON.stringify(`${name}-2`)}, 10);
       setInterval(() => {}, 1000);
       console.log('ready');`,
    );
    await program.waitForLine(/^ready$/);
    program.kill(signal);
    expect(await program.exit()).toMatchObject({ signal });
    expect(readdirSync(directory)).toEqual([]);
  });
});
