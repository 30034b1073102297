// Examples that were copied out of the repository: nothing above their folders helps them.
import { execFile } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, it } from 'vitest';
import { outputPattern } from '../../docs/code-blocks.js';
import { ownDirectory } from '../../support/own-directory.js';
import { packPackages } from '../../support/packed-packages.js';
import { temporaryFolder } from '../../support/temporary-folder.js';
import { exampleOf, exampleRunner } from '../shelf.js';

/** Packing and installing are other people's programs that may use the network. */
const SLOW = 300_000;

ownDirectory('copied');

const run = exampleRunner();
const folder = temporaryFolder('copied');
/** Where the tarball of each package is, by its name, as a version in a package.json. */
const tarballs: Record<string, string> = {};

beforeAll(async () => {
  for (const { name, filename } of await packPackages(folder, SLOW)) {
    // No example here needs it, nor what it would install.
    if (name !== '@mmfbus/nats') tarballs[name] = `file:${filename}`;
  }
}, SLOW);

// One of each kind: modules, CommonJS, TypeScript, calls and C.
it.each(['hello', 'commonjs', 'typescript', 'calls', 'c'])(
  '%s runs where it was copied to',
  async (name) => {
    const example = exampleOf(name);
    const copy = join(folder, name);
    const isSource = (path: string) => !['node_modules', 'dist'].includes(basename(path));
    cpSync(example.folder, copy, { recursive: true, filter: isSource });

    // The versions that it names are in no registry yet.
    const manifest = JSON.parse(readFileSync(join(copy, 'package.json'), 'utf8'));
    manifest.dependencies = { ...manifest.dependencies, ...tarballs };
    for (const name of Object.keys(tarballs)) delete manifest.devDependencies?.[name];
    manifest.overrides = Object.fromEntries(Object.keys(tarballs).map((name) => [name, `$${name}`]));
    writeFileSync(join(copy, 'package.json'), JSON.stringify(manifest));
    const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
    await promisify(execFile)('npm', args, { cwd: copy, timeout: SLOW });

    const program = run(example, { folder: copy });
    expect((await program.success()).trim()).toMatch(outputPattern(example.output));
  },
  SLOW,
);
