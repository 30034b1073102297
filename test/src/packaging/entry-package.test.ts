// The package `mmfbus` passes on what the others export, under the same names.
import { join } from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';
import { type PackageName, packageFolder } from '../support/workspace.js';

const entryOf = (name: PackageName, entry = 'index') => join(packageFolder(name), 'dist', `${entry}.d.ts`);

const entries = [
  ...(['core', 'codec', 'channel', 'service'] as const).map((name) => entryOf(name)),
  ...['index', 'codec', 'core'].map((entry) => entryOf('mmfbus', entry)),
];
const program = ts.createProgram(entries, {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ES2023,
});

/** The names of all values and types that a module exports. */
function exportsOf(path: string): string[] {
  const checker = program.getTypeChecker();
  const module = checker.getSymbolAtLocation(program.getSourceFile(path) as ts.SourceFile) as ts.Symbol;
  return checker.getExportsOfModule(module).map(({ name }) => name);
}

it('mmfbus exports all of @mmfbus/channel, @mmfbus/codec and @mmfbus/service, and the errors of @mmfbus/core', () => {
  const errors = ['MmfError', 'MmfErrorCode', 'OsFailure'];
  const packages = (['channel', 'codec', 'service'] as const).flatMap((name) => exportsOf(entryOf(name)));
  const others = [...packages, ...errors];
  expect(exportsOf(entryOf('mmfbus')).toSorted()).toEqual(others.toSorted());
});

it.each(['codec', 'core'] as const)('mmfbus/%s exports all of that package', (name) => {
  expect(exportsOf(entryOf('mmfbus', name)).toSorted()).toEqual(exportsOf(entryOf(name)).toSorted());
});
