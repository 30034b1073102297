// Each release line of Node that mmfbus supports, with its own binary.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { startCode, startNode } from '../support/spawn.js';
import { commandOf } from '../support/tools.js';
import { uniqueName } from '../support/unique-name.js';
import { expectHello } from './hello.js';
import { publishedPackages, SLOW } from './published.js';

ownDirectory('node-versions');
const packages = publishedPackages();
let project: string;

/** Every entry of the package, and one message through a channel. */
const USE = `
  if (entries.some((entry) => typeof entry.struct !== 'function' && typeof entry.MemoryMappedFile !== 'function')) {
    throw new Error('an entry is not what it should be');
  }
  async function main() {
    const [{ defineChannel }] = entries;
    const channel = defineChannel({ name: process.argv[2] });
    const subscriber = await channel.subscriber();
    const publisher = await channel.publisher();
    await publisher.publish({ symbol: 'ABC', price: 187.25 });
    for await (const { value } of subscriber) {
      console.log(value.symbol, value.price);
      break;
    }
    await publisher.close();
    await subscriber.close();
  }
  main();
`;
const ENTRIES = ['mmfbus', 'mmfbus/codec', 'mmfbus/core'];

beforeAll(async () => {
  project = await packages.install('project', ['mmfbus']);
  const imports = ENTRIES.map((entry) => `await import('${entry}')`);
  writeFileSync(join(project, 'imports.mjs'), `const entries = [${imports}];${USE}`);
  const requires = ENTRIES.map((entry) => `require('${entry}')`);
  writeFileSync(join(project, 'requires.cjs'), `const entries = [${requires}];${USE}`);
}, SLOW);

describe.each(['Node 20', 'Node 22', 'Node 24', 'Node 26'] as const)('%s', (name) => {
  let runtime: string[];
  beforeEach(() => {
    runtime = [commandOf(name)];
  });

  it('is what it is called', async () => {
    const output = await startCode('console.log(process.version)', { runtime }).success();
    expect(output).toMatch(`v${name.slice('Node '.length)}.`);
  });

  it.each(['imports.mjs', 'requires.cjs'])('%s', async (file) => {
    const args = [uniqueName('node')];
    expect(await startNode(join(project, file), { runtime, args, cwd: project }).success()).toBe(
      'ABC 187.25\n',
    );
  });

  it('runs the hello world of the README', async () => {
    await expectHello(project, { runtime });
  });
});
