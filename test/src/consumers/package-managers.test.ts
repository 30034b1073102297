// In an empty folder: the package manager installs mmfbus, and its runtime runs the hello world of the README.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { PNPM } from '../support/packed-packages.js';
import { Program } from '../support/spawn.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { commandOf } from '../support/tools.js';
import { expectHello } from './hello.js';
import { publishedPackages, SLOW } from './published.js';

ownDirectory('package-managers');
const packages = publishedPackages();

/** What the package managers fetch, and nothing that earlier runs have fetched. */
const fetched = temporaryFolder('fetched');
const env = {
  BUN_INSTALL_CACHE_DIR: join(fetched, 'bun'),
  DENO_DIR: join(fetched, 'deno'),
  DENO_NO_UPDATE_CHECK: '1',
  NPM_CONFIG_CACHE: join(fetched, 'npm'),
  NPM_CONFIG_STORE_DIR: join(fetched, 'pnpm'),
  XDG_CACHE_HOME: join(fetched, 'cache'),
  XDG_DATA_HOME: join(fetched, 'data'),
  XDG_STATE_HOME: join(fetched, 'state'),
};

interface PackageManager {
  readonly name: string;
  /** What adds a package to the project in the working folder. */
  readonly add: () => readonly string[];
  /** What runs a program that imports it. */
  readonly run: () => readonly string[];
}

const managers: readonly PackageManager[] = [
  { name: 'npm', add: () => ['npm', 'install', 'mmfbus'], run: () => [process.execPath] },
  { name: 'pnpm', add: () => [process.execPath, PNPM, 'add', 'mmfbus'], run: () => [process.execPath] },
  { name: 'Bun', add: () => [commandOf('Bun'), 'add', 'mmfbus'], run: () => [commandOf('Bun')] },
  {
    name: 'Deno',
    add: () => [commandOf('Deno'), 'add', 'npm:mmfbus'],
    run: () => [commandOf('Deno'), 'run', '-A'],
  },
];

describe.each(managers)('$name', ({ name, add, run }) => {
  it('installs mmfbus in an empty folder, and its hello world runs', { timeout: SLOW }, async () => {
    const [runtime, command] = [run(), add()];
    const project = packages.newProject(name);
    await new Program(name, [], { runtime: command, cwd: project, env, watchdog: SLOW }).success();
    await expectHello(project, { runtime, env });
  });
});

it('a package that the registry does not have is one of another registry, but none of ours', async () => {
  const project = packages.newProject('others');
  const view = (name: string) =>
    new Program('npm view', [], { runtime: ['npm', 'view', name, 'name'], cwd: project, env }).exit();
  expect((await view('msgpackr')).stdout.trim()).toBe('msgpackr');
  expect((await view('@mmfbus/missing')).status).toBe(1);
});
