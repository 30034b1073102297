import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../lib/child.mjs';
import { heading } from '../lib/report.mjs';
import { cacheFolder } from '../lib/workspace.mjs';

/** Where everything for Windows programs is kept. */
export const windowsFolder = join(cacheFolder, 'windows');

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
 * Runs a program and throws when it fails.
 *
 * @param {string} file
 * @param {readonly string[]} args
 * @param {{ cwd?: string, shell?: boolean }} [options]
 */
export async function must(file, args, options = {}) {
  const status = await run(file, args, { ...options, env: wineEnvironment });
  if (status !== 0) throw new Error(`${[file, ...args].join(' ')} ended with status ${status}`);
}

/** Installs Wine and the compiler for Windows where they are missing. */
export async function installWine() {
  const missing = Object.entries(PACKAGES).flatMap(([program, names]) => (existsSync(program) ? [] : names));
  if (missing.length === 0) return;
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    throw new Error(`These are missing, and only root on Debian can install them here: ${missing.join(' ')}`);
  }
  heading('windows', `apt-get install ${missing.join(' ')}`);
  await must('apt-get', ['-qq', 'update']);
  await must('apt-get', ['-qq', '-y', 'install', '--no-install-recommends', ...missing]);
}

/** Makes the folder that stands for a Windows machine, once. */
export async function makePrefix() {
  const done = join(prefix, 'drive_c', 'windows', 'system32', 'bcryptprimitives.dll');
  if (existsSync(done)) return;
  mkdirSync(windowsFolder, { recursive: true });
  heading('windows', 'a machine for Wine');
  await must('sh', ['-c', 'wine wineboot -i </dev/null >/dev/null 2>&1; wineserver -w']);
  // Node ends at once under the version of Windows that is Wine's default.
  await must('sh', ['-c', 'wine winecfg -v win10 </dev/null >/dev/null 2>&1; wineserver -w']);
  const source = new URL('process-prng.c', import.meta.url).pathname;
  await must('x86_64-w64-mingw32-gcc', ['-shared', '-O2', '-o', done, source, '-ladvapi32']);
}

/** Ends whatever still runs on that machine. */
export async function endWine() {
  await run('sh', ['-c', 'wineserver -k; wineserver -w; true'], { env: wineEnvironment });
}
