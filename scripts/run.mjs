#!/usr/bin/env node
// The one way in: `node scripts/run.mjs <command>`. This file keeps to syntax that old versions of Node can read, so that
// they can still say which version is needed.
import { readFileSync } from 'node:fs';

const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const needed = engines.node.replace(/^>=\s*/, '');

/** @param {string} version */
const numbers = (version) => version.split('.').map(Number);
const [neededMajor = 0, neededMinor = 0] = numbers(needed);
const [major = 0, minor = 0] = numbers(process.versions.node);

if (major < neededMajor || (major === neededMajor && minor < neededMinor)) {
  process.stderr.write(
    `Node ${needed} or newer is needed; this is Node ${process.versions.node} (${process.execPath}).\n`,
  );
  process.exit(1);
}

void import('./lib/main.mjs')
  .then(({ main }) => main(process.argv.slice(2)))
  .then((status) => {
    process.exitCode = status;
  });
