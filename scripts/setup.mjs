#!/usr/bin/env node
// Installs the dependencies, exactly those of pnpm-lock.yaml, unless they are there. This file keeps to syntax that old
// versions of Node can read, so that they can still say which version is needed.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** @param {string} file relative to the root of the repository. */
const path = (file) => fileURLToPath(new URL(`../${file}`, import.meta.url));

const needed = JSON.parse(readFileSync(path('package.json'), 'utf8')).engines.node.replace('>=', '');
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const [neededMajor, neededMinor] = needed.split('.').map(Number);
if (major < neededMajor || (major === neededMajor && minor < neededMinor)) {
  console.error(
    `Node ${needed} or newer is needed; this is Node ${process.versions.node} (${process.execPath}).`,
  );
  process.exit(1);
}

// For what they were installed last.
const installed = path('node_modules/.installed');
const wanted = `${process.platform} ${process.arch}\n${readFileSync(path('pnpm-lock.yaml'), 'utf8')}`;
if (!existsSync(installed) || readFileSync(installed, 'utf8') !== wanted) {
  const install = ['install', '--frozen-lockfile', '--config.confirmModulesPurge=false'];
  const { status } = spawnSync(process.execPath, [path('scripts/pnpm.mjs'), ...install], {
    cwd: path(''),
    stdio: 'inherit',
  });
  if (status === 0) {
    writeFileSync(installed, wanted);
  } else {
    console.error(
      'The dependencies could not be installed. When a package.json was changed, "node scripts/pnpm.mjs install" ' +
        'brings pnpm-lock.yaml up to date.',
    );
    process.exitCode = 1;
  }
}
