// The packages as a registry hands them out.
import { execFile } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll } from 'vitest';
import { packPackages } from '../support/packed-packages.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { workspaceRoot } from '../support/workspace.js';
import { LocalRegistry } from './registry.js';

/** Publishing and installing are other people's programs that may use the network, milliseconds. */
export const SLOW = 300_000;

/** A folder outside this workspace whose package managers get the packages under test. */
export interface PublishedPackages {
  /** Makes a new, empty folder. @param parent defaults to one for temporary files. */
  newProject(label: string, parent?: string): string;
  /** Makes a new folder in which npm has installed these packages. */
  install(label: string, packages: readonly string[], parent?: string): Promise<string>;
}

/**
 * Packs the packages as a release does, and publishes them to a registry that lasts as long as the tests of this file.
 * To be called outside tests.
 */
export function publishedPackages(): PublishedPackages {
  const folder = temporaryFolder('published');
  const settings = join(folder, 'npmrc');
  // What runs the tests may have programs find the packages of this workspace by it.
  delete process.env['NODE_PATH'];
  let registry: LocalRegistry;
  let address = '';

  beforeAll(async () => {
    const { stdout } = await promisify(execFile)('npm', ['config', 'get', 'registry']);
    registry = new LocalRegistry(stdout.trim().replace(/\/*$/, '/'));
    address = await registry.listen();
    // npm publishes to no registry without a token; this one takes any.
    writeFileSync(settings, `registry=${address}\n${address.replace('http:', '')}:_authToken=any\n`);
    const packages = await packPackages(folder, SLOW);
    // Only what a workflow has built has a provenance.
    const options = ['--no-provenance', '--userconfig', settings];
    await Promise.all(
      packages.map(({ filename }) =>
        promisify(execFile)('npm', ['publish', filename, ...options], { timeout: SLOW }),
      ),
    );
  }, SLOW);
  afterAll(() => registry.close());

  const newProject = (label: string, parent = folder): string => {
    const project = join(parent, label);
    mkdirSync(project);
    writeFileSync(join(project, '.npmrc'), `registry=${address}\n`);
    return project;
  };
  const install = async (label: string, packages: readonly string[], parent?: string): Promise<string> => {
    const project = newProject(label, parent);
    writeFileSync(join(project, 'package.json'), '{"private":true,"type":"module"}\n');
    const options = ['--no-audit', '--no-fund', '--prefer-offline', '--cache', join(folder, 'npm')];
    await promisify(execFile)('npm', ['install', ...options, ...packages], { cwd: project, timeout: SLOW });
    return project;
  };
  return { newProject, install };
}

/**
 * Lets a project use tools of this workspace as if it had installed them.
 *
 * @param from the folder that has them. Defaults to that of the tests.
 */
export function linkTools(
  project: string,
  names: readonly string[],
  from: string = join(workspaceRoot, 'test'),
): void {
  for (const name of names) {
    const link = join(project, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(from, 'node_modules', name), link);
  }
}
