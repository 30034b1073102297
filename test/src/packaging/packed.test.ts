import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { beforeAll, describe, expect, test } from 'vitest';
import { type PackedPackage, packPackages } from '../support/packed-packages.js';
import { startCode, startNode } from '../support/spawn.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { uniqueName } from '../support/unique-name.js';
import {
  folderOf,
  type PackageName,
  packageFolder,
  packageNames,
  specifierOf,
  workspaceRoot,
} from '../support/workspace.js';

/** Packing and installing are other people's programs that may use the network. */
const SLOW = 300_000;

/** What users are promised by name; types are the consumer's to check. */
const exportedNames: Record<PackageName, readonly string[]> = {
  core: ['MemoryMappedFile', 'MmfError', 'RWLock', 'ValidNamespaces'],
  codec: ['CodecError', 'json', 'msgpack', 'raw'],
  channel: ['ChannelError', 'defineChannel', 'monotonicNow', 'openBus'],
  service: ['DeclaredError', 'ServiceError', 'defineService', 'method', 'nothing', 'stream'],
  generate: ['GenerateError', 'generate'],
  nats: ['BridgeError', 'openBridge'],
  mmfbus: ['ChannelError', 'CodecError', 'MmfError', 'defineChannel', 'json', 'openBus', 'struct'],
};

const requiredFiles = [
  'LICENSE',
  'README.md',
  'dist/index.d.ts',
  'dist/index.js',
  'package.json',
  'src/index.ts',
];

/** Users' programs: one as an ES module, one in CommonJS. */
const consumers = ['consumer.ts', 'required.cts'];

const folder = temporaryFolder('packed');
const project = join(folder, 'project');
let packed: readonly PackedPackage[] = [];

function packedPackage(name: PackageName): PackedPackage {
  const found = packed.find((one) => one.name === specifierOf(name));
  if (found === undefined) throw new Error(`${specifierOf(name)} was not packed`);
  return found;
}

const filesOf = (name: PackageName) => packedPackage(name).files.map(({ path }) => path);

beforeAll(async () => {
  packed = await packPackages(folder, SLOW);
}, SLOW);

describe.each(packageNames)('the packed package in packages/%s', (name) => {
  test('holds the compiled and the written sources, and no tests', () => {
    const files = filesOf(name);
    expect(requiredFiles.filter((file) => !files.includes(file))).toEqual([]);
    const unexpected = files.filter(
      (file) => !/^(?:(?:bin|dist|src)\/|[A-Z]+(?:\.md)?$|package\.json$|bridge\.schema\.json$)/.test(file),
    );
    expect([...unexpected, ...files.filter((file) => /\.test\.|tsbuildinfo|tsconfig/.test(file))]).toEqual(
      [],
    );
  });

  // A file of dist whose source is gone fails this: npm run clean.
  test('holds the source map of every compiled file, and the sources it names', () => {
    const files = filesOf(name);
    // A file that only passes on what others export has nothing to map.
    const compiled = files.filter(
      (file) =>
        file.startsWith('dist/') &&
        /\.(?:js|d\.ts)$/.test(file) &&
        readFileSync(join(packageFolder(name), file), 'utf8').includes('sourceMappingURL'),
    );
    const maps = compiled.map((file) => `${file}.map`);
    const sources = maps.flatMap((map) => {
      const { sources } = JSON.parse(readFileSync(join(packageFolder(name), map), 'utf8'));
      return sources.map((source: string) => join(dirname(map), source).replaceAll('\\', '/'));
    });
    expect(sources).not.toEqual([]);
    // What is bundled of another package stays where it is.
    const ours = sources.filter((source) => !source.includes('/node_modules/') && !source.startsWith('../'));
    expect([...maps, ...ours].filter((file) => !files.includes(file))).toEqual([]);
  });

  test('satisfies publint', async () => {
    const tarball = readFileSync(packedPackage(name).filename);
    const { messages, pkg = {} } = await publint({
      pack: { tarball: new Uint8Array(tarball).buffer },
      strict: true,
    });
    expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);
  });

  test('has types that Node’s and the bundlers’ module resolutions find (attw)', async () => {
    const manifest = createRequire(import.meta.url).resolve('@arethetypeswrong/cli/package.json');
    const attw = join(dirname(manifest), JSON.parse(readFileSync(manifest, 'utf8')).bin.attw);
    const args = [
      packedPackage(name).filename,
      // What TypeScript called Node 10 knows no "exports".
      '--profile',
      'node16',
      // `require()` loads ES modules.
      '--ignore-rules',
      'cjs-resolves-to-esm',
      '--no-definitely-typed',
      '--no-color',
      '--no-emoji',
    ];
    await startNode(attw, { args, watchdog: SLOW }).success();
  });
});

describe('a project with the packed packages', () => {
  beforeAll(async () => {
    mkdirSync(project);
    const local = Object.fromEntries(
      packageNames.map((name) => [specifierOf(name), `file:${packedPackage(name).filename}`]),
    );
    // Without the overrides npm would look for the unpublished versions in the registry.
    const overrides = Object.fromEntries(Object.keys(local).map((name) => [name, `$${name}`]));
    const manifest = { name: 'consumer', private: true, type: 'module', dependencies: local, overrides };
    writeFileSync(join(project, 'package.json'), JSON.stringify(manifest));
    const args = [
      'install',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--no-package-lock',
      '--prefer-offline',
    ];
    await promisify(execFile)('npm', args, { cwd: project, timeout: SLOW });
    for (const file of consumers) {
      copyFileSync(join(folderOf(import.meta.url), 'consumer', file), join(project, file));
    }
  }, SLOW);

  test.each(packageNames)('imports packages/%s', async (name) => {
    const code = `console.log(JSON.stringify(Object.keys(await import('${specifierOf(name)}'))))`;
    const output = await startCode(code, { cwd: project }).success();
    expect(JSON.parse(output)).toEqual(expect.arrayContaining([...exportedNames[name]]));
  });

  test.each(packageNames)('cannot import the insides of packages/%s', async (name) => {
    const code = `await import('${specifierOf(name)}/dist/index.js')`;
    const { status, stderr } = await startCode(code, { cwd: project }).exit();
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining('ERR_PACKAGE_PATH_NOT_EXPORTED'),
    });
  });

  test('runs mmfbus-generate', async () => {
    const module = "import { u8 } from '@mmfbus/codec';\nexport const level = u8();\n";
    writeFileSync(join(project, 'level.js'), module);
    const program = join(project, 'node_modules', '.bin', 'mmfbus-generate');
    const args = ['--language', 'c', '--shape', './level.js#level'];
    const header = await startNode(program, { args, cwd: project }).success();
    expect(header).toContain('level_decode(uint8_t *value');
  });

  test('runs mmfbus', async () => {
    const { stdout } = await promisify(execFile)('npx', ['--no-install', 'mmfbus', 'ls'], { cwd: project });
    expect(stdout).toMatch(/^(?:CHANNEL|There are no channels)/);
    const program = join(project, 'node_modules', '.bin', 'mmfbus');
    expect(await startNode(program, { args: ['--version'], cwd: project }).success()).toMatch(
      /^\d+\.\d+\.\d+/,
    );
    const bench = ['bench', '--for', '0.5', '--json'];
    expect(
      (await startNode(program, { args: bench, cwd: project }).success()).trim().split('\n'),
    ).toHaveLength(5);
  });

  test('compiles and runs typed programs', async () => {
    const compilerOptions = {
      module: 'NodeNext',
      target: 'ES2022',
      lib: ['ES2022'],
      types: ['node'],
      typeRoots: [join(workspaceRoot, 'node_modules', '@types')],
      strict: true,
      skipLibCheck: false,
    };
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: consumers }));
    const compiler = join(workspaceRoot, 'node_modules', 'typescript', 'bin', 'tsc');
    await startNode(compiler, { args: ['-p', project], watchdog: SLOW }).success();

    const output = await startNode(join(project, 'consumer.js'), {
      args: [uniqueName('consumer')],
      cwd: project,
    }).success();
    expect(output.trimEnd().split('\n')).toEqual([
      'codec 187.25 ABC',
      'raw 1 2 3',
      'core 4 5 6 false',
      'core NOT_FOUND',
      'channel published',
      'channel ABC 187.25',
    ]);

    const required = startNode(join(project, 'required.cjs'), {
      args: [uniqueName('required')],
      cwd: project,
    });
    expect((await required.success()).trimEnd().split('\n')).toEqual(['ABC 187.25', 'NOT_FOUND', 'true']);
  });
});
