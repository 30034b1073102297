#!/usr/bin/env node
// pnpm in the version that package.json names, so that it need not be installed: `node scripts/pnpm.mjs <arguments>`.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

const { packageManager } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
// npm takes no hash behind the version.
const [pnpm] = packageManager.split('+');

// npm keeps what it fetched once. That version never changes, so what was kept is good, also without a network; and npm's
// warnings about settings that it does not know are not ours to show. npm hands both on to pnpm, which gets its own.
const npm = ['exec', '--yes', '--prefer-offline', '--loglevel=error', '--', pnpm];
const args = [...npm, '--config.prefer-offline=false', '--loglevel=info', ...process.argv.slice(2)];

// Set by npm for the scripts that it runs. npm itself is a script that Windows only starts by a shell.
const { npm_execpath: caller = '' } = process.env;
const child = caller.endsWith('npm-cli.js')
  ? spawn(process.execPath, [caller, ...args], { stdio: 'inherit' })
  : spawn('npm', args, { stdio: 'inherit', shell: process.platform === 'win32' });

// A terminal sends Ctrl-C to the child as well.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => child.kill('SIGTERM'));
process.on('SIGHUP', () => child.kill('SIGHUP'));
child.once('error', (error) => console.error(`npm could not be started: ${error.message}`));
child.once('close', (status) => {
  process.exitCode = status ?? 1;
});
