import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { commandOf } from '../support/tools.js';
import { workspaceRoot } from '../support/workspace.js';

const sourceFolder = join(workspaceRoot, 'test', 'native');
const outputFolder = join(workspaceRoot, 'test', '.cache', 'native');
const WARNINGS = ['-O2', '-Wall', '-Wextra', '-Werror'];
const FLAGS = ['-std=c11', ...WARNINGS];
const CPP_FLAGS = ['-std=c++17', ...WARNINGS];

/** Names a folder of programs that were built before; where it is set, C is not compiled. Windows needs it. */
const PROGRAMS_VARIABLE = 'MMFBUS_TEST_PROGRAMS';

/**
 * Compiles a C program, once for each state of its sources and of the headers.
 *
 * @param name of the program.
 * @param sources paths of its sources.
 * @param flags added to those for all programs.
 * @returns the path of the program.
 * @throws when it says anything at all, or is missing: the test that calls this is skipped then.
 */
export function compile(name: string, sources: readonly string[], flags: readonly string[] = []): string {
  const built = process.env[PROGRAMS_VARIABLE];
  if (built !== undefined) return join(built, `${name}.exe`);
  return compileWith(commandOf('a C compiler'), name, sources, [...FLAGS, ...flags]);
}

/** The same with musl as the C library. */
export function compileWithMusl(
  name: string,
  sources: readonly string[],
  flags: readonly string[] = [],
): string {
  return compileWith(commandOf('musl'), `${name}-musl`, sources, [...FLAGS, ...flags]);
}

/** The same for a C++ program. */
export function compileCpp(name: string, sources: readonly string[], flags: readonly string[] = []): string {
  return compileWith(commandOf('a C++ compiler'), name, sources, [...CPP_FLAGS, ...flags]);
}

/** The same for a program for Windows. */
export function compileForWindows(
  name: string,
  sources: readonly string[],
  flags: readonly string[] = [],
): string {
  return compileWith('x86_64-w64-mingw32-gcc', `${name}.exe`, sources, [...FLAGS, ...flags]);
}

function compileWith(
  compiler: string,
  name: string,
  sources: readonly string[],
  flags: readonly string[],
): string {
  const hash = createHash('sha256').update([compiler, ...flags].join('\0'));
  for (const file of [...headers(), ...sources]) hash.update(readFileSync(file));
  const program = join(outputFolder, `${hash.digest('hex').slice(0, 16)}-${name}`);
  if (existsSync(program)) return program;

  mkdirSync(outputFolder, { recursive: true });
  // Another test file may be compiling the same, or running it already: it appears under its name at once and whole.
  const unfinished = `${program}.${process.pid}`;
  const commandLine = [...flags, ...sources, '-o', unfinished];
  const { error, status, stderr } = spawnSync(compiler, commandLine, { encoding: 'utf8' });
  if (error !== undefined) throw new Error(`${compiler} cannot be run: ${error.message}`, { cause: error });
  if (status !== 0) throw new Error(`${compiler} ended with status ${status}:\n${stderr}`);
  renameSync(unfinished, program);
  return program;
}

/** The path of `test/native/peer.c`, compiled. */
export function peerProgram(): string {
  return compile('peer', [join(sourceFolder, 'peer.c'), join(sourceFolder, 'mapping_posix.c')]);
}

/** The path of `test/native/mmf_peer.c`, compiled so that it ends at the first mistake with memory. */
export function headerPeerProgram(): string {
  const include = `-I${join(workspaceRoot, 'packages', 'native', 'include')}`;
  const sanitizers = ['-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
  return compile('mmf-peer', [join(sourceFolder, 'mmf_peer.c')], [include, '-pthread', ...sanitizers]);
}

function headers(): string[] {
  return [sourceFolder, join(workspaceRoot, 'packages', 'native', 'include')].flatMap((folder) =>
    readdirSync(folder)
      .filter((file) => file.endsWith('.h'))
      .sort()
      .map((file) => join(folder, file)),
  );
}
