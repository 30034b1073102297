// What a release makes of the changesets, in a copy of the files that it reads and writes.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { startNode } from '../support/spawn.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { workspaceRoot } from '../support/workspace.js';

const copy = temporaryFolder('release');

/** The folders of the workspace's packages. */
const folders = ['packages', 'examples']
  .flatMap((parent) => readdirSync(join(workspaceRoot, parent)).map((name) => join(parent, name)))
  .concat('terminal', 'test', join('test', 'bench'))
  .filter((folder) => existsSync(join(workspaceRoot, folder, 'package.json')));

function manifestOf(folder: string): { version: string; private?: boolean } {
  return JSON.parse(readFileSync(join(copy, folder, 'package.json'), 'utf8'));
}

it('gives all packages one version, and each a changelog', async () => {
  const files = [
    'package.json',
    'pnpm-workspace.yaml',
    '.changeset',
    ...folders.map((folder) => join(folder, 'package.json')),
  ];
  for (const file of files) {
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    cpSync(join(workspaceRoot, file), join(copy, file), { recursive: true });
  }
  // There are none right after a release.
  writeFileSync(join(copy, '.changeset', 'one.md'), "---\n'mmfbus': patch\n---\n\nA change.\n");
  const changesets = readdirSync(join(copy, '.changeset')).filter((file) => /^(?!README).*\.md$/.test(file));
  await startNode(join(workspaceRoot, 'node_modules', '@changesets', 'cli', 'bin.js'), {
    args: ['version'],
    cwd: copy,
  }).success();

  const published = folders.filter(
    (folder) => folder.startsWith('packages') && manifestOf(folder).private !== true,
  );
  const versions = new Set(published.map((folder) => manifestOf(folder).version));
  expect([...versions]).toEqual([expect.stringMatching(/^\d+\.\d+\.\d+$/)]);
  for (const folder of published) {
    const changelog = readFileSync(join(copy, folder, 'CHANGELOG.md'), 'utf8');
    expect(changelog).toContain(`## ${[...versions][0]}`);
  }
  // They are used up.
  const left = readdirSync(join(copy, '.changeset')).filter((file) => changesets.includes(file));
  expect(left).toEqual([]);
});
