#!/usr/bin/env node
// Builds the live page of `mmfbus ui` into the package, unless it was built of the same files before.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const page = join(root, 'packages/mmfbus/page');
const output = join(root, 'packages/mmfbus/dist/page');
const stamp = join(root, '.cache/page-built-of');

/** What of the package the page is made of, besides its own folder. */
const SHARED = [
  'terminal/src/printable.ts',
  'packages/mmfbus/src/command/units.ts',
  'packages/mmfbus/src/ui/service-channel.ts',
];
/** Packages that become part of the page. */
const BUNDLED = ['preact', 'uplot'];

/** @returns {string[]} */
function sources() {
  const own = readdirSync(page, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const others = ['scripts/build-page.mjs', 'pnpm-lock.yaml', ...SHARED].map((file) => join(root, file));
  return [...own.sort(), ...others];
}

const hash = createHash('sha256');
for (const file of sources()) hash.update(`${relative(root, file)}\n`).update(readFileSync(file));
const wanted = hash.digest('hex');
const isBuilt =
  existsSync(join(output, 'index.html')) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted;

if (!isBuilt) {
  const { build } = await import('vite');
  await build({
    root: page,
    configFile: false,
    logLevel: 'warn',
    build: {
      outDir: output,
      emptyOutDir: true,
      target: 'es2023',
      // Files of their own, so that the page needs no address that holds its content.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
    },
    plugins: [
      {
        name: 'with-licences',
        generateBundle() {
          for (const name of BUNDLED) {
            const source = readFileSync(join(root, `packages/mmfbus/node_modules/${name}/LICENSE`), 'utf8');
            this.emitFile({ type: 'asset', fileName: `${name}.LICENSE.txt`, source });
          }
        },
      },
    ],
  });
  writeFileSync(stamp, wanted);
}
