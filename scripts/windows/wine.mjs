import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the repository. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Where everything for Windows programs is kept. */
export const windowsFolder = join(root, '.cache', 'windows');

const prefix = join(windowsFolder, 'prefix');

/** What Debian's packages are called, by a program that each brings. */
const PACKAGES = {
  '/usr/bin/wine': ['wine', 'wine64'],
  '/usr/bin/x86_64-w64-mingw32-gcc': ['gcc-mingw-w64-x86-64-win32'],
};

/** What Wine's programs need in their environment. An empty DISPLAY keeps them from opening windows. */
export const wineEnvironment = {
  WINEPREFIX: prefix,
  WINEARCH: 'win64',
  WINEDEBUG: '-all',
  WINEDLLOVERRIDES: 'mscoree,mshtml=',
  DISPLAY: '',
};

/**
 * Says what begins now.
 *
 * @param {string} step
 */
export function heading(step) {
  console.log(`== windows: ${step}`);
}

/**
 * Runs a program to its end.
 *
 * @param {string} file
 * @param {readonly string[]} args
 * @param {{ cwd?: string }} [options]
 * @throws when it fails.
 */
export function run(file, args, options = {}) {
  const env = { ...process.env, ...wineEnvironment };
  execFileSync(file, args, { cwd: root, ...options, env, stdio: 'inherit' });
}

/** Installs Wine and the compiler for Windows where they are missing. */
export function installWine() {
  const missing = Object.entries(PACKAGES).flatMap(([program, names]) => (existsSync(program) ? [] : names));
  if (missing.length === 0) return;
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    throw new Error(`These are missing, and only root on Debian can install them here: ${missing.join(' ')}`);
  }
  heading(`apt-get install ${missing.join(' ')}`);
  run('apt-get', ['-qq', 'update']);
  run('apt-get', ['-qq', '-y', 'install', '--no-install-recommends', ...missing]);
}

/** Makes the folder that stands for a Windows machine, once. */
export function makePrefix() {
  const done = join(prefix, 'drive_c', 'windows', 'system32', 'bcryptprimitives.dll');
  if (existsSync(done)) return;
  mkdirSync(windowsFolder, { recursive: true });
  heading('a machine for Wine');
  run('sh', ['-c', 'wine wineboot -i </dev/null >/dev/null 2>&1; wineserver -w']);
  // Node ends at once under the version of Windows that is Wine's default.
  run('sh', ['-c', 'wine winecfg -v win10 </dev/null >/dev/null 2>&1; wineserver -w']);
  const source = fileURLToPath(new URL('process-prng.c', import.meta.url));
  run('x86_64-w64-mingw32-gcc', ['-shared', '-O2', '-o', done, source, '-ladvapi32']);
}

/** Ends whatever still runs on that machine. */
export function endWine() {
  run('sh', ['-c', 'wineserver -k; wineserver -w; true']);
}
