import { readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { packageFolder, packageNames, sourceFiles } from '../support/workspace.js';

/**
 * The floors of the channel package, lowest first: what stands on one imports only what stands on lower ones. Those on one
 * line do not know each other. `.` is for the files that stand in no folder.
 */
const FLOORS: readonly (readonly string[])[] = [
  ['foundation'],
  ['format'],
  ['membership'],
  ['ring'],
  ['endpoint', 'directory'],
  ['pubsub'],
  ['.'],
  ['bus'],
];
/** It names what users get, wherever that stands. */
const FACE = 'index.ts';

type Imports = ReadonlyMap<string, readonly string[]>;

/** What each source of a package imports of its own package, type imports too; paths from its `src` with `/`. */
function importsWithin(name: (typeof packageNames)[number]): Imports {
  const folder = join(packageFolder(name), 'src');
  const fromFolder = (path: string) => relative(folder, path).split(sep).join('/');
  return new Map(
    sourceFiles(name).map((file) => {
      const { importedFiles } = ts.preProcessFile(readFileSync(file, 'utf8'), true, true);
      const own = importedFiles
        .filter(({ fileName }) => fileName.startsWith('.'))
        .map(({ fileName }) => fromFolder(join(dirname(file), fileName.replace(/\.js$/, '.ts'))));
      return [fromFolder(file), own];
    }),
  );
}

function folderOf(file: string): string {
  return file.includes('/') ? (file.split('/')[0] as string) : '.';
}

/** The first circle of imports that is found, one file after the other. */
function circleIn(imports: Imports): readonly string[] | undefined {
  const done = new Set<string>();
  const look = (file: string, path: readonly string[]): readonly string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const next of imports.get(file) ?? []) {
      const circle = look(next, [...path, file]);
      if (circle !== undefined) return circle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of imports.keys()) {
    const circle = look(file, []);
    if (circle !== undefined) return circle;
  }
  return undefined;
}

describe('the floors of the channel package', () => {
  const imports = importsWithin('channel');
  const floorOf = (file: string) => FLOORS.findIndex((floor) => floor.includes(folderOf(file)));

  test('are all there are', () => {
    const folders = new Set([...imports.keys()].map(folderOf));
    expect([...folders].sort()).toEqual(FLOORS.flat().sort());
  });

  test('import only what stands below', () => {
    const up = [...imports]
      .filter(([file]) => file !== FACE)
      .flatMap(([file, imported]) =>
        imported
          .filter((other) => folderOf(other) !== folderOf(file) && floorOf(other) >= floorOf(file))
          .map((other) => `${file}: ${other}`),
      );
    expect(up).toEqual([]);
  });
});

test.each(packageNames)('no sources of @mmfbus/%s import each other in a circle', (name) => {
  expect(circleIn(importsWithin(name))).toBeUndefined();
});
