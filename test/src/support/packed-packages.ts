import { join } from 'node:path';
import { startNode } from './spawn.js';
import { workspaceRoot } from './workspace.js';

/** A package as a release packs it. */
export interface PackedPackage {
  readonly name: string;
  /** Path of its tarball. */
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/** pnpm, in the version of this workspace. */
export const PNPM: string = join(workspaceRoot, 'scripts', 'pnpm.mjs');

/**
 * Packs all packages of this workspace into a folder.
 *
 * @param watchdog milliseconds after which packing has hung.
 */
export async function packPackages(folder: string, watchdog: number): Promise<readonly PackedPackage[]> {
  const output = await startNode(PNPM, {
    args: ['--recursive', '--filter', './packages/*', 'pack', '--json', '--pack-destination', folder],
    cwd: workspaceRoot,
    watchdog,
  }).success();
  return JSON.parse(output.slice(output.indexOf('[')));
}
