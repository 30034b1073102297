// The packages can be loaded by `require()` as well, and loading them touches nothing of the operating system.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { startNode, startProgram } from '../support/spawn.js';
import { type PackageName, packageFolder, packageNames, workspaceRoot } from '../support/workspace.js';

ownDirectory('importing');

/** What importing a package loads of it: the files of its exports, and those that they import. */
function compiledFiles(name: PackageName): string[] {
  const { exports } = JSON.parse(readFileSync(join(packageFolder(name), 'package.json'), 'utf8'));
  const files = new Set<string>();
  const add = (file: string): void => {
    if (files.has(file)) return;
    files.add(file);
    const { importedFiles } = ts.preProcessFile(readFileSync(file, 'utf8'), true, true);
    for (const { fileName } of importedFiles) {
      if (fileName.startsWith('.')) add(join(dirname(file), fileName));
    }
  };
  for (const paths of Object.values<{ default: string }>(exports))
    add(join(packageFolder(name), paths.default));
  return [...files];
}

/** The lines with an `await` outside of every function. */
function topLevelAwaits(file: string): number[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const lines: number[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) return;
    if (ts.isAwaitExpression(node) || (ts.isForOfStatement(node) && node.awaitModifier !== undefined)) {
      lines.push(source.getLineAndCharacterOfPosition(node.getStart()).line + 1);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return lines;
}

describe.each(packageNames)('packages/%s', (name) => {
  it('has no top-level await, which require() refuses', () => {
    const files = compiledFiles(name);
    const found = files.flatMap((file) => topLevelAwaits(file).map((line) => `${file}:${line}`));
    expect(found).toEqual([]);
  });
});

it('the library mmfbus loads nothing of its command', () => {
  const command = join(packageFolder('mmfbus'), 'dist', 'command');
  expect(compiledFiles('mmfbus').filter((file) => file.startsWith(command))).toEqual([]);
});

describe('a program in CommonJS', () => {
  it('requires the packages, and uses them', async () => {
    const output = await startNode(join(workspaceRoot, 'test', 'src', 'programs', 'required.cjs')).success();
    expect(output.trim().split('\n')).toEqual(['ABC 187.25', 'NOT_FOUND', 'SCHEMA_MISMATCH']);
  });
});

describe('importing the packages', () => {
  it('loads no library of the operating system, calls no foreign function, and opens and maps nothing', async () => {
    const { loaded, called, opened, firstUse, counted } = JSON.parse(
      await startProgram('imported').success(),
    );
    expect({ loaded, called, opened }).toEqual({ loaded: [], called: 0, opened: [] });
    expect({ firstUse, counted }).toEqual({ firstUse: 'works', counted: true });
  });

  it('works on an operating system that koffi knows and mmfbus does not, where the first use is an error that says so', async () => {
    const { loaded, firstUse } = JSON.parse(await startProgram('imported', { args: ['freebsd'] }).success());
    expect({ loaded, firstUse }).toEqual({
      loaded: [],
      firstUse: 'UNSUPPORTED: mmfbus does not run on freebsd; it runs on linux, darwin, win32',
    });
  });
});
