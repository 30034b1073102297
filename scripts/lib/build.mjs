import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { runNode } from './child.mjs';
import { heading } from './report.mjs';
import { packageFolders, root } from './workspace.mjs';

const OUTPUT = /\.(?:js|d\.ts)(?:\.map)?$/;
const DECLARATIONS = /\.d\.ts(?:\.map)?$/;
/** Packages that processes import: of these the compiler makes the declarations only. */
const BUNDLED = ['core', 'codec', 'channel'].map((name) => join('packages', name));

/**
 * Removes compiled files whose source is gone: the compiler leaves them, and they would be packed, or found by a test.
 *
 * @param {string} folder of a workspace package.
 */
function removeStaleOutput(folder) {
  const dist = join(root, folder, 'dist');
  if (!existsSync(dist)) return;
  const pattern = BUNDLED.includes(folder) ? DECLARATIONS : OUTPUT;
  for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !pattern.test(entry.name)) continue;
    const file = join(entry.parentPath, entry.name);
    const source = join(root, folder, 'src', relative(dist, file).replace(pattern, '.ts'));
    if (!existsSync(source)) rmSync(file);
  }
}

/**
 * Compiles and type-checks everything that changed.
 *
 * @returns {Promise<number>} the exit status.
 */
export async function build() {
  heading('build', 'tsc -b');
  for (const folder of packageFolders()) removeStaleOutput(folder);
  const status = await runNode('node_modules/typescript/bin/tsc', ['-b']);
  if (status !== 0) return status;
  // Not before: on a fresh clone it is not there until the set-up is done.
  const { bundle, bundlePrograms } = await import('./bundle.mjs');
  await Promise.all(BUNDLED.map(bundle));
  await bundlePrograms();
  return 0;
}
