#!/usr/bin/env node
// The package manager in the version that package.json names: `node scripts/pnpm.mjs add -D --filter ./test some-package`.
// Everything that needs pnpm goes through here, so that nobody has to install it.
import { run } from './lib/child.mjs';
import { pnpmCommand } from './lib/package-managers.mjs';

const { file, args, shell } = pnpmCommand(process.argv.slice(2));
process.exitCode = await run(file, args, { cwd: process.cwd(), shell });
