// TypeScript as users have it: the oldest version that the README names and newer ones, and what runs it without compiling.
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { type Program, startNode } from '../support/spawn.js';
import { uniqueName } from '../support/unique-name.js';
import { packageFolder, workspaceRoot } from '../support/workspace.js';
import { linkTools, publishedPackages, SLOW } from './published.js';

ownDirectory('typescript');
const packages = publishedPackages();

/** The declarations of Node that the programs are compiled with: of the oldest line, all versions of TypeScript read them. */
const NODE_TYPES = '@types/node@20.19.43';
/** The package and the version of each compiler, oldest first. */
const compilers: readonly (readonly [name: string, version: number])[] = [
  ['typescript-5.4', 5.4],
  ['typescript-5.8', 5.8],
  ['typescript-5.9', 5.9],
  ['typescript', 6],
  ['typescript-7', 7],
];
/** The first version that lets CommonJS import ES modules. */
const REQUIRES = 5.8;

const strictest = {
  module: 'NodeNext',
  target: 'ES2022',
  lib: ['ES2022'],
  types: ['node'],
  strict: true,
  skipLibCheck: false,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noEmit: true,
};

const PRINTED = ['ABC 187.25', 'NOT_FOUND', 'true'];

let project: string;

function tsc(compiler: string, ...args: readonly string[]): Program {
  const script = join(workspaceRoot, 'test', 'node_modules', compiler, 'bin', 'tsc');
  return startNode(script, { args, cwd: project, watchdog: SLOW });
}

async function printedBy(tool: readonly string[], file: string): Promise<string[]> {
  const [script = '', ...args] = tool;
  const name = uniqueName('typescript');
  const program = startNode(join(workspaceRoot, 'test', 'node_modules', script), {
    args: [...args, file, name],
    cwd: project,
    watchdog: SLOW,
  });
  return (await program.success()).trimEnd().split('\n');
}

beforeAll(async () => {
  const names = ['mmfbus', '@mmfbus/channel', '@mmfbus/service', '@mmfbus/codec', '@mmfbus/core'];
  project = await packages.install('project', [...names, NODE_TYPES]);
  linkTools(project, ['typescript']);
  const consumer = join(workspaceRoot, 'test', 'src', 'packaging', 'consumer');
  copyFileSync(join(consumer, 'consumer.ts'), join(project, 'consumer.mts'));
  copyFileSync(join(consumer, 'schema.ts'), join(project, 'schema.mts'));
  copyFileSync(join(consumer, 'service.ts'), join(project, 'service.mts'));
  copyFileSync(join(consumer, 'required.cts'), join(project, 'required.cts'));
  // In a package that is CommonJS.
  copyFileSync(join(consumer, 'required.cts'), join(project, 'required.ts'));
  writeFileSync(join(project, 'package.json'), '{"private":true}\n');
  const files = ['consumer.mts', 'schema.mts', 'service.mts', 'required.cts'];
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions: strictest, files }));
}, SLOW);

describe('the README of mmfbus', () => {
  it('names the oldest versions that are tested', () => {
    const readme = readFileSync(join(packageFolder('mmfbus'), 'README.md'), 'utf8');
    const [[, oldest] = []] = compilers;
    expect(readme).toContain(`TypeScript ${oldest} or newer`);
    expect(readme).toContain(`TypeScript ${REQUIRES} or newer`);
  });
});

describe.each(compilers)('%s', (name, version) => {
  it('finds nothing wrong with programs that use mmfbus', { timeout: SLOW }, async () => {
    expect(await tsc(name, '--version').success()).toContain(`Version ${version}.`);
    const { stdout } = await tsc(name).exit();
    const wrong = stdout
      .trim()
      .split('\n')
      .filter((line) => !/^required\.cts.* TS1479:/.test(line));
    expect(wrong.join('\n')).toBe('');
    // Of CommonJS, the older versions say that alone.
    expect(stdout.includes('TS1479')).toBe(version < REQUIRES);
  });
});

describe('without compiling', () => {
  const tsx = ['tsx/dist/cli.mjs'];

  it('tsx runs CommonJS', async () => {
    expect(await printedBy(tsx, 'required.ts')).toEqual(PRINTED);
  });

  it('tsx runs an ES module', async () => {
    expect(await printedBy(tsx, 'consumer.mts')).toContain('channel ABC 187.25');
  });

  it.each(['required.ts', 'required.cts'])(
    'ts-node runs CommonJS, and checks its types: %s',
    async (file) => {
      expect(await printedBy(['ts-node/dist/bin.js'], file)).toEqual(PRINTED);
    },
  );
});
