// Each bundler, with the configuration that docs/bundling.md shows: what it builds runs in another folder.
import { copyFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { linkTools, publishedPackages, SLOW } from '../consumers/published.js';
import { ownDirectory } from '../support/own-directory.js';
import { startNode } from '../support/spawn.js';
import { uniqueName } from '../support/unique-name.js';
import { workspaceRoot } from '../support/workspace.js';

ownDirectory('bundlers');
const packages = publishedPackages();

/** A bundler, and how docs/bundling.md says to call it. */
interface Bundler {
  /** The configuration on the page, by the comment in its first line. */
  readonly config: string;
  /** The package that has the program, and the arguments before the configuration; without it Node runs the configuration. */
  readonly program?: readonly [name: string, ...args: string[]];
  readonly output: 'app.mjs' | 'app.cjs';
}

const bundlers: readonly Bundler[] = [
  { config: 'esbuild.config.mjs', output: 'app.mjs' },
  { config: 'esbuild-cjs.config.mjs', output: 'app.cjs' },
  { config: 'rollup.config.mjs', program: ['rollup', '--config'], output: 'app.mjs' },
  { config: 'rolldown.config.mjs', program: ['rolldown', '--config'], output: 'app.mjs' },
  { config: 'webpack.config.mjs', program: ['webpack-cli', '--config'], output: 'app.cjs' },
  { config: 'vite.config.mjs', program: ['vite', 'build', '--config'], output: 'app.mjs' },
];

/** What the configurations import, and what calls them. */
const tools = [
  '@rollup/plugin-commonjs',
  '@rollup/plugin-node-resolve',
  'esbuild',
  'rolldown',
  'rollup',
  'vite',
  'webpack',
  'webpack-cli',
];

const page = readFileSync(join(workspaceRoot, 'docs', 'bundling.md'), 'utf8');
const installed = join(workspaceRoot, 'test', 'node_modules');

/** A configuration that the page shows. */
function shown(config: string): string {
  const [, code] = page.split(`\`\`\`js no-run\n// ${config}\n`);
  if (code === undefined) throw new Error(`docs/bundling.md shows no ${config}`);
  return code.slice(0, code.indexOf('```'));
}

/** The command of a package: of the name of the package, or its only one. */
function commandIn(name: string): string {
  const manifest = join(installed, name, 'package.json');
  const { bin } = JSON.parse(readFileSync(manifest, 'utf8'));
  return join(dirname(manifest), typeof bin === 'string' ? bin : (bin[name] ?? Object.values(bin)[0]));
}

let project: string;
/** Where the results run: a folder in which koffi alone is installed. */
let target: string;
/** Another one, in which nothing is. */
let bare: string;

async function build({ config, program, output }: Bundler): Promise<string> {
  writeFileSync(join(project, config), shown(config));
  const [script, args] =
    program === undefined
      ? [join(project, config), []]
      : [commandIn(program[0]), [...program.slice(1), config]];
  await startNode(script, { args, cwd: project, watchdog: SLOW }).success();
  const moved = `${config.split('.')[0]}-${output}`;
  copyFileSync(join(project, 'dist', output), join(bare, moved));
  renameSync(join(project, 'dist', output), join(target, moved));
  return moved;
}

const built = new Map<Bundler, string>();

beforeAll(async () => {
  project = await packages.install('project', ['mmfbus']);
  linkTools(project, tools);
  copyFileSync(join(workspaceRoot, 'test', 'src', 'bundlers', 'app.js'), join(project, 'app.js'));
  const koffi = JSON.parse(readFileSync(join(project, 'node_modules', 'koffi', 'package.json'), 'utf8'));
  target = await packages.install('target', [`koffi@${koffi.version}`]);
  bare = packages.newProject('bare');
  for (const bundler of bundlers) built.set(bundler, await build(bundler));
  // A result that still looks for something where it was built finds nothing there.
  renameSync(project, `${project}-gone`);
}, SLOW);

describe.each(bundlers)('$config', (bundler) => {
  const start = (folder: string) =>
    startNode(join(folder, built.get(bundler) ?? ''), { args: [uniqueName('bundled')], cwd: folder });

  it('builds one file that runs elsewhere, with koffi beside it', async () => {
    const output = await start(target).success();
    expect(output).toBe('{"symbol":"ABC","price":187.25}\n{"symbol":"ABC","tags":[1,"a"]}\n');
  });

  it('builds a file that names docs/bundling.md where koffi is missing', async () => {
    const { status, stdout, stderr } = await start(bare).exit();
    expect({ status, stdout, stderr }).toEqual({
      status: 1,
      stdout: expect.stringMatching(/^UNSUPPORTED [\s\S]*docs\/bundling\.md/),
      stderr: '',
    });
  });
});
