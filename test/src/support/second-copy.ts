import { cpSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './temporary-folder.js';
import { type PackageName, packageFolder } from './workspace.js';

/**
 * A second copy of a package, as a program has whose dependencies want two versions. It is removed after the tests. To be
 * called outside tests.
 *
 * @returns its folder.
 */
export function secondCopyOf(name: PackageName): string {
  const copy = temporaryFolder(`second-${name}`);
  cpSync(join(packageFolder(name), 'dist'), join(copy, 'dist'), { recursive: true });
  cpSync(join(packageFolder(name), 'package.json'), join(copy, 'package.json'));
  symlinkSync(join(packageFolder(name), 'node_modules'), join(copy, 'node_modules'));
  return copy;
}
