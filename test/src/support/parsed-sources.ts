import { readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import ts from 'typescript';
import { type PackageName, packageFolder, sourceFiles } from './workspace.js';

/** Parsed sources, by their paths from the `src` of their package. */
export type Sources = ReadonlyMap<string, ts.SourceFile>;

/** An exported declaration, and the file it is in. */
export interface Exported {
  readonly file: string;
  readonly declaration: ts.Node;
}

/** The sources of a package, without its tests. */
export function parsedSources(name: PackageName): Sources {
  const folder = join(packageFolder(name), 'src');
  return new Map(
    sourceFiles(name).map((path) => {
      const file = relative(folder, path).split(sep).join('/');
      return [file, parse(file, readFileSync(path, 'utf8'))];
    }),
  );
}

export function parse(file: string, text: string): ts.SourceFile {
  return ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, true);
}

/** Finds what is exported by that name, whatever the file. */
export function findExport(sources: Sources, name: string): Exported {
  const found = [...sources].flatMap(([file, source]) =>
    exportsOf(source)
      .filter((declaration) => declaration.name?.getText(source) === name)
      .map((declaration) => ({ file, declaration })),
  );
  return theOnly(found, `an export ${name}`, 'the sources');
}

function exportsOf(source: ts.SourceFile): (ts.Node & { readonly name?: ts.Node })[] {
  return source.statements
    .filter(
      (statement) =>
        ts.canHaveModifiers(statement) &&
        ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword),
    )
    .flatMap((statement): readonly ts.Node[] =>
      ts.isVariableStatement(statement) ? statement.declarationList.declarations : [statement],
    );
}

/** The one that was found; anything else is an error that says what was looked for, and where. */
export function theOnly<T>(found: readonly T[], what: string, where: string): T {
  if (found.length !== 1) throw new Error(`${where} must have ${what} once, not ${found.length} times`);
  return found[0] as T;
}
