import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { type PackageName, packageFolder, packageNames, sourceFiles } from '../support/workspace.js';

/** What each package may import of the others, and what of elsewhere. */
const allowed: Record<PackageName, readonly string[]> = {
  core: ['koffi'],
  codec: [],
  channel: ['@mmfbus/codec', '@mmfbus/core'],
  service: ['@mmfbus/channel', '@mmfbus/codec', '@mmfbus/core'],
  generate: ['@mmfbus/codec'],
  nats: [
    '@mmfbus/channel',
    '@mmfbus/codec',
    '@mmfbus/core',
    '@mmfbus/service',
    '@nats-io/jetstream',
    '@nats-io/nats-core',
    '@nats-io/services',
  ],
  mmfbus: [
    '@mmfbus/channel',
    '@mmfbus/codec',
    '@mmfbus/core',
    '@mmfbus/nats',
    '@mmfbus/service',
    '@nats-io/transport-node',
  ],
};

/** What the build makes a part of a package. */
const bundled: Partial<Record<PackageName, readonly string[]>> = {
  channel: ['eventemitter3'],
  mmfbus: ['@mmfbus/generate', '@mmfbus/terminal'],
};

/** The packages that a file imports, Node's own left out. Of ours, also what siblings alone may import. */
function importsOf(file: string): string[] {
  const { importedFiles } = ts.preProcessFile(readFileSync(file, 'utf8'), true, true);
  return importedFiles
    .map(({ fileName }) => fileName.replace(/^(@mmfbus\/\w+)\/internal$/, '$1'))
    .filter((name) => !/^(?:\.|node:)/.test(name));
}

describe.each(packageNames)('@mmfbus/%s', (name) => {
  test('depends on nothing above it', () => {
    const manifest = JSON.parse(readFileSync(join(packageFolder(name), 'package.json'), 'utf8'));
    const { dependencies = {}, peerDependencies = {}, optionalDependencies = {} } = manifest;
    const named = Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies });
    expect(named.sort()).toEqual([...allowed[name]].sort());
  });

  test('imports nothing else', () => {
    const others = sourceFiles(name).flatMap((file) =>
      importsOf(file)
        .filter((specifier) => ![...allowed[name], ...(bundled[name] ?? [])].includes(specifier))
        .map((specifier) => `${relative(packageFolder(name), file)}: ${specifier}`),
    );
    expect(others).toEqual([]);
  });
});

test('only the platform folder calls koffi', () => {
  const callers = packageNames.flatMap(sourceFiles).filter((file) => importsOf(file).includes('koffi'));
  const platform = join(packageFolder('core'), 'src', 'platform');
  expect(callers.filter((file) => !file.startsWith(platform))).toEqual([]);
});
