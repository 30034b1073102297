import { existsSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { readJson, root } from './workspace.mjs';

/** @typedef {{ file: string, args: string[], shell: boolean }} Command */

/** The folders where npm keeps its programs beside a node binary, by kind of installation. */
const BESIDE_NODE = ['../lib/node_modules/npm/bin', 'node_modules/npm/bin', '../share/nodejs/npm/bin'];

/**
 * Places where npm's own JavaScript may be, most certain first. Running it with our Node avoids `npx.cmd`, and with it
 * the shell and its quoting, on Windows.
 *
 * @param {'npm' | 'npx'} program
 */
function* scriptCandidates(program) {
  const script = `${program}-cli.js`;
  // Set by npm for the scripts that it runs.
  const caller = process.env['npm_execpath'];
  if (caller !== undefined && /npm-cli\.js$/.test(caller)) yield join(dirname(caller), script);
  for (const folder of BESIDE_NODE) yield join(dirname(process.execPath), folder, script);
  const searchPath = process.env['PATH'] ?? process.env['Path'] ?? '';
  for (const folder of searchPath.split(delimiter).filter(Boolean)) {
    for (const beside of BESIDE_NODE) yield join(folder, beside, script);
    // Elsewhere `npx` is a link into npm's folder.
    const link = join(folder, program);
    if (process.platform !== 'win32' && existsSync(link)) yield realpathSync(link);
  }
}

/** @param {string} arg */
function quoteForShell(arg) {
  if (/^[\w@%+=:,./\\-]+$/.test(arg)) return arg;
  return process.platform === 'win32'
    ? `"${arg.replaceAll('"', '""')}"`
    : `'${arg.replaceAll("'", "'\\''")}'`;
}

/**
 * How to run npm or npx.
 *
 * @param {'npm' | 'npx'} program
 * @param {readonly string[]} args
 * @returns {Command}
 */
export function npmCommand(program, args) {
  for (const script of scriptCandidates(program)) {
    if (script.endsWith('-cli.js') && existsSync(script)) {
      return { file: process.execPath, args: [script, ...args], shell: false };
    }
  }
  return { file: program, args: args.map(quoteForShell), shell: true };
}

/** The version of pnpm that package.json names, without the hash that may follow it. */
export function pnpmVersion() {
  const { packageManager } = readJson(join(root, 'package.json'));
  const match = /^pnpm@([^+]+)/.exec(packageManager);
  if (match?.[1] === undefined)
    throw new Error(`package.json: packageManager is ${packageManager}, not pnpm@<version>`);
  return match[1];
}

/**
 * How to run pnpm in the version that package.json names; npx fetches it once and keeps it.
 *
 * @param {readonly string[]} args
 */
export function pnpmCommand(args) {
  // That version never changes, so what npx has kept is good, also without a network; and npm's warnings about settings that
  // it does not know are not ours to show. npx hands both on to pnpm, which gets its own.
  const npxOptions = ['--yes', '--prefer-offline', '--loglevel=error'];
  const pnpmOptions = ['--config.prefer-offline=false', '--loglevel=info'];
  return npmCommand('npx', [...npxOptions, `pnpm@${pnpmVersion()}`, ...pnpmOptions, ...args]);
}
