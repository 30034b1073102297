import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { runNode } from './child.mjs';
import { heading } from './report.mjs';
import { packageFolders, root } from './workspace.mjs';

const OUTPUT = /\.(?:js|d\.ts)(?:\.map)?$/;

/**
 * Removes compiled files whose source is gone: the compiler leaves them, and they would be packed, or found by a test.
 *
 * @param {string} folder of a workspace package.
 */
function removeStaleOutput(folder) {
  const dist = join(root, folder, 'dist');
  if (!existsSync(dist)) return;
  for (const entry of readdirSync(dist, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !OUTPUT.test(entry.name)) continue;
    const file = join(entry.parentPath, entry.name);
    const source = join(root, folder, 'src', relative(dist, file).replace(OUTPUT, '.ts'));
    if (!existsSync(source)) rmSync(file);
  }
}

/**
 * Compiles and type-checks everything that changed.
 *
 * @returns {Promise<number>} the exit status.
 */
export function build() {
  heading('build', 'tsc -b');
  for (const folder of packageFolders()) removeStaleOutput(folder);
  return runNode('node_modules/typescript/bin/tsc', ['-b']);
}
