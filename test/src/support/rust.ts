import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { commandOf } from './tools.js';
import { workspaceRoot } from './workspace.js';

const library = join(workspaceRoot, 'packages', 'native', 'rust');
const folder = join(workspaceRoot, 'test', '.cache', 'rust');

/**
 * Compiles a Rust program, once for each state of its source and of the modules that this project has; any warning is an
 * error, and so is arithmetic that overflows when it runs. Where there is no compiler the test that calls this is skipped.
 *
 * @param source path of its source.
 * @returns the path of the program.
 */
export function compileRust(name: string, source: string, flags: readonly string[] = []): string {
  const compiler = commandOf('a Rust compiler');
  const { stdout: version } = spawnSync(compiler, ['--version'], { encoding: 'utf8' });
  const hash = createHash('sha256')
    .update([version, ...flags].join('\0'))
    .update(readFileSync(source));
  for (const file of readdirSync(library)) hash.update(readFileSync(join(library, file)));
  const program = join(folder, `${hash.digest('hex').slice(0, 16)}-${name}`);
  if (existsSync(program)) return program;
  // Another test file may be compiling the same, and the compiler keeps its own files beside the program: so each has a
  // folder of its own, and the program appears under its name at once and whole.
  const own = `${program}.${process.pid}`;
  mkdirSync(own, { recursive: true });
  const unfinished = join(own, name);
  const all = ['--edition', '2021', '-O', '-D', 'warnings', '-C', 'overflow-checks=on', ...flags];
  const { status, stderr } = spawnSync(compiler, [...all, source, '-o', unfinished], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  if (status === 0) renameSync(unfinished, program);
  rmSync(own, { recursive: true });
  if (status !== 0) throw new Error(`${compiler} ended with status ${status}:\n${stderr.slice(0, 8_000)}`);
  return program;
}
