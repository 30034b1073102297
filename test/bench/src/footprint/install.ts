import { execFile } from 'node:child_process';
import { lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Subject } from './subjects.js';

const run = promisify(execFile);
const workspaceRoot = fileURLToPath(new URL('../../../../', import.meta.url));
/** What `mmfbus` consists of, by folder. */
const PACKAGES = ['core', 'codec', 'channel', 'mmfbus'];

/** A package in a folder of its own, as a user has it. */
export interface Installation {
  readonly subject: Subject;
  readonly folder: string;
  /** Version that was installed; empty for bare Node. */
  readonly version: string;
  /** Bytes of all files that were installed. */
  readonly size: number;
  /** Number of the packages that were installed. */
  readonly packages: number;
}

/** Packs the packages of this workspace as they would be published; the paths of the tarballs. */
export async function packWorkspace(folder: string): Promise<string[]> {
  const tarballs: string[] = [];
  for (const name of PACKAGES) {
    const args = [join(workspaceRoot, 'scripts', 'pnpm.mjs'), 'pack', '--json', '--pack-destination', folder];
    const { stdout } = await run(process.execPath, args, { cwd: join(workspaceRoot, 'packages', name) });
    tarballs.push(JSON.parse(stdout.slice(stdout.indexOf('{'))).filename);
  }
  return tarballs;
}

/** Installs a package by npm, without running install scripts, in an empty folder. */
export async function install(subject: Subject, folder: string): Promise<Installation> {
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  if (subject.install.length === 0) return { subject, folder, version: '', size: 0, packages: 0 };
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...subject.install];
  await run(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, { cwd: folder });
  const modules = join(folder, 'node_modules');
  const { version } = JSON.parse(readFileSync(join(modules, subject.name, 'package.json'), 'utf8'));
  const lock = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'));
  const installed = Object.keys(lock.packages).filter((path) => path !== '' && exists(join(folder, path)));
  return { subject, folder, version, size: sizeOf(modules), packages: installed.length };
}

/** Whether a package of the lock file is there: those for other systems are not. */
function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function sizeOf(folder: string): number {
  let size = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) size += lstatSync(join(entry.parentPath, entry.name)).size;
  }
  return size;
}
