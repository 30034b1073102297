// The examples of docs/testing.md, run by the test runners that they are written for.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { Program, startNode } from '../support/spawn.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { commandOf } from '../support/tools.js';
import { workspaceRoot } from '../support/workspace.js';
import { linkTools, publishedPackages, SLOW } from './published.js';

const packages = publishedPackages();
let project: string;

/** Where the examples make their directories, and remove them. */
const temporary = temporaryFolder('test-runners');
/** What a runner needs to know of the run that it is a part of: nothing. */
const env = {
  TMPDIR: temporary,
  CI: undefined,
  MMFBUS_DIRECTORY: undefined,
  NODE_OPTIONS: undefined,
  NODE_TEST_CONTEXT: undefined,
  VITEST: undefined,
  NO_COLOR: '1',
};

/** The files that the page shows, by the comment in the first line of each. */
function shownFiles(): Map<string, string> {
  const page = readFileSync(join(workspaceRoot, 'docs', 'testing.md'), 'utf8');
  const blocks = page.matchAll(/^```js no-run\n\/\/ (\S+)\n([\s\S]*?)^```$/gm);
  return new Map([...blocks].map(([, name = '', code = '']) => [name, code]));
}

/** The same test in CommonJS, where Jest gives `jest` to every file. */
function required(code: string): string {
  const own = code.replace("import { jest } from '@jest/globals';\n", '');
  return own.replace(/^import (.*) from '(.*)';$/gm, "const $1 = require('$2');");
}

async function run(program: Program): Promise<string> {
  const { status, stdout, stderr } = await program.exit();
  const output = stdout + stderr;
  if (status !== 0) throw new Error(`ended with status ${status}\n${output}`);
  expect(
    readdirSync(temporary).filter((name) => name.startsWith('bus-')),
    'directories left behind',
  ).toEqual([]);
  return output;
}

function tool(name: string, path: string): string {
  return join(project, 'node_modules', name, path);
}

beforeAll(async () => {
  project = await packages.install('project', ['mmfbus']);
  linkTools(project, ['jest']);
  linkTools(project, ['vitest'], workspaceRoot);
  for (const [name, code] of shownFiles()) writeFileSync(join(project, name), code);
}, SLOW);

const jest = (runtime: string, ...args: readonly string[]): Program =>
  startNode(tool('jest', 'bin/jest.js'), {
    runtime: [runtime, '--experimental-vm-modules'],
    args: ['--no-watchman', '--cacheDirectory', join(project, 'jest-cache'), ...args],
    cwd: project,
    env,
    watchdog: SLOW,
  });

describe('the examples of docs/testing.md', () => {
  it.each(['forks', 'threads'])('Vitest runs them, with the pool %s', async (pool) => {
    const args = ['run', '--config', 'vitest.config.mjs', '--pool', pool];
    const output = await run(
      startNode(tool('vitest', 'vitest.mjs'), { args, cwd: project, env, watchdog: SLOW }),
    );
    expect(output).toMatch(/Tests +1 passed/);
  });

  it('Jest runs them, by import', async () => {
    const output = await run(jest(process.execPath, 'jest.test.mjs'));
    expect(output).toMatch(/Tests: +1 passed, 1 total/);
    expect(output).not.toContain('did not exit');
  });

  it('Jest runs them, by require() where Node is new enough', async () => {
    const runtime = commandOf('Node 24');
    writeFileSync(join(project, 'jest-required.test.cjs'), required(shownFiles().get('jest.test.mjs') ?? ''));
    const output = await run(jest(runtime, 'jest-required.test.cjs'));
    expect(output).toMatch(/Tests: +1 passed, 1 total/);
    expect(output).not.toContain('did not exit');
  });

  it('node:test runs them, and ends', async () => {
    const files = [...shownFiles().keys()].filter((name) => /^node-test.*\.test\./.test(name));
    const program = new Program('node:test', [], {
      nodeArgs: ['--import', './node-test.setup.mjs', '--test', ...files],
      cwd: project,
      env,
    });
    const output = await run(program);
    expect(output).toMatch(new RegExp(`^(?:#|ℹ) pass ${files.length}$`, 'm'));
    expect(files.length).toBe(3);
  });
});
