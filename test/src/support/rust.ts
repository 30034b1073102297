import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { workspaceRoot } from './workspace.js';

const library = join(workspaceRoot, 'packages', 'native', 'rust');
const folder = join(workspaceRoot, 'test', '.cache', 'rust');

/** The compiler of Rust; undefined where there is none. Another one is named by `RUSTC`. */
export const RUSTC: string | undefined = [process.env['RUSTC'] ?? 'rustc'].find(
  (name) => spawnSync(name, ['--version']).status === 0,
);

/**
 * Compiles a Rust program, once for each state of its source and of the modules that this project has; any warning is an
 * error, and so is arithmetic that overflows when it runs.
 *
 * @param source path of its source.
 * @returns the path of the program.
 */
export function compileRust(
  compiler: string,
  name: string,
  source: string,
  flags: readonly string[] = [],
): string {
  const { stdout: version } = spawnSync(compiler, ['--version'], { encoding: 'utf8' });
  const hash = createHash('sha256')
    .update([version, ...flags].join('\0'))
    .update(readFileSync(source));
  for (const file of readdirSync(library)) hash.update(readFileSync(join(library, file)));
  const program = join(folder, `${hash.digest('hex').slice(0, 16)}-${name}`);
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  // Another test file may be compiling the same: it appears under its name at once and whole.
  const unfinished = `${program}.${process.pid}`;
  const all = ['--edition', '2021', '-O', '-D', 'warnings', '-C', 'overflow-checks=on', ...flags];
  const { status, stderr } = spawnSync(compiler, [...all, source, '-o', unfinished], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  if (status !== 0) throw new Error(`${compiler} ended with status ${status}:\n${stderr.slice(0, 8_000)}`);
  renameSync(unfinished, program);
  return program;
}
