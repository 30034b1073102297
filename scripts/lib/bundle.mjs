import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { rolldown } from 'rolldown';
import { readJson, root } from './workspace.mjs';

const JAVASCRIPT = /\.js(?:\.map)?$/;

/** Programs that tests start hundreds of times, by their paths in `test/dist`. */
const PROGRAMS = [
  'compat/node-peer',
  'conformance/node-agent',
  'kill-matrix/actor',
  'killed/mortal',
  'soak/agent',
  'soak/auditor',
  'soak/role-thread',
];
/** Where they are, each in one file with all that it imports: `joinedProgram()` of `test/src/support/workspace.ts` names it. */
const programsFolder = join(root, 'test', '.cache', 'programs');

/**
 * The sources of what a package exports, by the names of the files in `dist` that they become.
 *
 * @param {string} folder of a workspace package.
 * @returns {Record<string, string>}
 */
function entriesOf(folder) {
  const { exports } = readJson(join(root, folder, 'package.json'));
  const names = Object.values(exports).map((paths) => /\.\/dist\/(.+)\.js$/.exec(paths.default)?.[1] ?? '');
  return Object.fromEntries(names.map((name) => [name, join(root, folder, 'src', `${name}.ts`)]));
}

/**
 * Writes a file, unless that is its content: others may be reading it.
 *
 * @param {string} path
 * @param {string | Uint8Array} content
 */
function update(path, content) {
  if (existsSync(path) && readFileSync(path, 'utf8') === content) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

/**
 * Joins the sources of a package into a file for each of its exports: a process that imports it starts twice as fast as
 * with a file for each source.
 *
 * @param {string} folder of a workspace package.
 */
export async function bundle(folder) {
  const dist = join(root, folder, 'dist');
  const joined = await rolldown({
    input: entriesOf(folder),
    platform: 'node',
    external: (id) => !id.startsWith('.') && !isAbsolute(id),
  });
  const { output } = await joined.generate({
    dir: dist,
    chunkFileNames: '[name].js',
    sourcemap: true,
    // The packages hold them.
    sourcemapExcludeSources: true,
  });
  await joined.close();
  for (const file of output)
    update(join(dist, file.fileName), file.type === 'asset' ? file.source : file.code);
  const names = output.map(({ fileName }) => fileName);
  const stale = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter(
    (name) => JAVASCRIPT.test(name) && !names.includes(name),
  );
  for (const name of stale) rmSync(join(dist, name));
}

/** @param {string} name of one of {@link PROGRAMS}. */
async function bundleProgram(name) {
  const joined = await rolldown({
    input: join(root, 'test', 'dist', `${name}.js`),
    platform: 'node',
    // It finds its native part beside itself.
    external: 'koffi',
  });
  const { output } = await joined.generate({ codeSplitting: false });
  await joined.close();
  update(join(programsFolder, `${name}.js`), output[0].code);
}

/** Joins each of the programs that tests start often with the packages, which have to be bundled before. */
export async function bundlePrograms() {
  await Promise.all(PROGRAMS.map(bundleProgram));
}
