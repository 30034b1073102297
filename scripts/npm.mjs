#!/usr/bin/env node
// npm under the Node that runs this file, on any system. The packaging tests install with it as a user would.
import { run } from './lib/child.mjs';
import { npmCommand } from './lib/package-managers.mjs';

const { file, args, shell } = npmCommand('npm', process.argv.slice(2));
process.exitCode = await run(file, args, { cwd: process.cwd(), shell });
