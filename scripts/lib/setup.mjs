import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './child.mjs';
import { pnpmCommand, pnpmVersion } from './package-managers.mjs';
import { heading } from './report.mjs';
import { packageFolders, readJson, root } from './workspace.mjs';

const stampFile = join(root, 'node_modules', '.mmfbus-setup');

/** Changes whenever an installation may bring something else. */
function fingerprint() {
  const manifests = packageFolders().map((folder) => join(folder, 'package.json'));
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}`);
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json', ...manifests]) {
    hash.update(`\0${file}\0`).update(readFileSync(join(root, file)));
  }
  return hash.digest('hex');
}

/** @param {string} folder */
function hasDependencies(folder) {
  const { dependencies = {}, devDependencies = {} } = readJson(join(root, folder, 'package.json'));
  return Object.keys({ ...dependencies, ...devDependencies }).length > 0;
}

function isInstalled() {
  const folders = packageFolders().filter(hasDependencies);
  return (
    existsSync(stampFile) &&
    readFileSync(stampFile, 'utf8') === fingerprint() &&
    folders.every((folder) => existsSync(join(root, folder, 'node_modules')))
  );
}

/**
 * Installs the dependencies, exactly those of pnpm-lock.yaml, unless they are there.
 *
 * @returns {Promise<number>} the exit status.
 */
export async function setup() {
  if (isInstalled()) {
    heading('setup', 'the dependencies are there');
    return 0;
  }
  heading('setup', `installing dependencies with pnpm ${pnpmVersion()}`);
  const install = ['install', '--frozen-lockfile', '--config.confirmModulesPurge=false'];
  const { file, args, shell } = pnpmCommand(install);
  const status = await run(file, args, { shell });
  if (status === 0) {
    writeFileSync(stampFile, fingerprint());
  } else {
    console.error(
      'The dependencies could not be installed. When a package.json was changed, "node scripts/pnpm.mjs install" ' +
        'brings pnpm-lock.yaml up to date.',
    );
  }
  return status;
}
