import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the repository. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Where runs keep what the next run or `.ci/run` reads. */
export const cacheFolder = join(root, '.cache');

/**
 * @param {string} path
 * @returns {any}
 */
export function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

/**
 * The folders of all workspace packages, relative to the root: those that pnpm-workspace.yaml names.
 *
 * @returns {string[]}
 */
export function packageFolders() {
  const packages = readdirSync(join(root, 'packages')).map((name) => join('packages', name));
  return [...packages, 'examples', 'test', join('test', 'bench')].filter((folder) =>
    existsSync(join(root, folder, 'package.json')),
  );
}
