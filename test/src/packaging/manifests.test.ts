// What the package.json of every published package says, and says alike.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { workspaceRoot } from '../support/workspace.js';

const ADDRESS = 'https://github.com/mmfbus/mmfbus';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly description: string;
  readonly keywords: readonly string[];
  readonly exports: Record<string, unknown>;
  readonly files: readonly string[];
  readonly engines?: unknown;
}

function readJson(...path: string[]): unknown {
  return JSON.parse(readFileSync(join(workspaceRoot, ...path), 'utf8'));
}

const manifests = readdirSync(join(workspaceRoot, 'packages'))
  .map((folder) => ({ folder, manifest: readJson('packages', folder, 'package.json') as Manifest }))
  .filter(({ manifest }) => manifest.private !== true);

/** The packages of JavaScript: not those that only hold sources of other languages. */
const modules = manifests.filter(({ manifest }) => '.' in manifest.exports);

it('the published packages are those that a release gives one version', () => {
  const { fixed } = readJson('.changeset', 'config.json') as { fixed: string[][] };
  const names = manifests.map(({ manifest }) => manifest.name);
  expect(fixed.map((group) => group.toSorted())).toEqual([names.toSorted()]);
  expect(new Set(manifests.map(({ manifest }) => manifest.version)).size).toBe(1);
});

describe.each(manifests)('packages/$folder', ({ folder, manifest }) => {
  it('says where it comes from, and that all users may install it', () => {
    expect(manifest).toMatchObject({
      license: 'MIT',
      homepage: `${ADDRESS}/tree/main/packages/${folder}#readme`,
      bugs: { url: `${ADDRESS}/issues` },
      repository: { type: 'git', url: `git+${ADDRESS}.git`, directory: `packages/${folder}` },
      publishConfig: { access: 'public', provenance: true },
      files: expect.arrayContaining(['CHANGELOG.md']),
    });
  });

  it('is described, in one line and in sorted keywords', () => {
    expect(manifest.description).toMatch(/^.{20,120}$/);
    expect(manifest.keywords.length).toBeGreaterThan(3);
    expect(manifest.keywords).toEqual([...new Set(manifest.keywords)].toSorted());
  });

  it('has the licence and a README', () => {
    const licence = (path: string) => readFileSync(join(workspaceRoot, path, 'LICENSE'), 'utf8');
    expect(licence(join('packages', folder))).toBe(licence('.'));
    expect(existsSync(join(workspaceRoot, 'packages', folder, 'README.md'))).toBe(true);
  });
});

describe.each(modules)('packages/$folder', ({ folder, manifest }) => {
  it('is an ES module without side effects, for the Node that the workspace needs', () => {
    const { engines } = readJson('package.json') as Manifest;
    expect(manifest).toMatchObject({ type: 'module', sideEffects: false, engines });
  });

  it('has types beside every export, and both in a file that is there', () => {
    for (const paths of Object.values(manifest.exports) as Record<string, string>[]) {
      expect(Object.keys(paths)).toEqual(['types', 'default']);
      const missing = Object.values(paths).filter(
        (path) => !existsSync(join(workspaceRoot, 'packages', folder, path)),
      );
      expect(missing).toEqual([]);
    }
  });

  it('holds its sources, which source maps lead to, without their tests', () => {
    expect(manifest.files).toEqual(
      expect.arrayContaining(['dist', '!dist/.tsbuildinfo', 'src', '!src/**/*.test.ts']),
    );
  });
});
