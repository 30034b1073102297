import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { compile, compileCpp, compileWithMusl } from '../compat/native.js';
import { SANITIZERS } from '../conformance/agents.js';
import { ownDirectory } from '../support/own-directory.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { commandOf } from '../support/tools.js';
import { uniqueName } from '../support/unique-name.js';
import { workspaceRoot } from '../support/workspace.js';

const sources = join(workspaceRoot, 'test', 'native');
const packageRoot = join(workspaceRoot, 'packages', 'native');
const include = `-I${join(packageRoot, 'include')}`;
/** Milliseconds after which a program that still runs is killed. */
const WATCHDOG = 100_000;

ownDirectory('header');
const folder = temporaryFolder('header');

function run(file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  const { status, signal, stdout, stderr } = spawnSync(file, args, {
    cwd: workspaceRoot,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    timeout: WATCHDOG,
    killSignal: 'SIGKILL',
  });
  if (status !== 0)
    throw new Error(`${file} ended with ${signal ?? `status ${status}`}\n${stdout}\n${stderr}`);
  return stdout;
}

describe('the header for C and C++', () => {
  const source = join(sources, 'header_test.c');

  test('does what it says, as C', () => {
    const program = compile('header-test', [source], [include, '-pthread', ...SANITIZERS]);
    expect(run(program, [uniqueName('c')])).toBe('all is well\n');
  });

  test('does what it says, as C with musl', () => {
    const program = compileWithMusl('header-test', [source], [include, '-pthread']);
    expect(run(program, [uniqueName('musl')])).toBe('all is well\n');
  });

  test('does what it says, as C++', () => {
    const program = compileCpp('header-test-cpp', [source], ['-xc++', include, '-pthread']);
    expect(run(program, [uniqueName('cpp')])).toBe('all is well\n');
  });

  test('takes it for a gap to be lapped, however often', () => {
    const program = compile('laps', [join(sources, 'laps.c')], [include, '-pthread', ...SANITIZERS]);
    expect(run(program, [uniqueName('laps')])).toBe('all is well\n');
  });

  test('races with no other thread', () => {
    const flags = [include, '-pthread', '-g', '-fsanitize=thread'];
    const program = compile('threads', [join(sources, 'threads.c')], flags);
    expect(run(program, [uniqueName('threads'), '2000'])).toBe('6000 messages\n');
  });

  test('survives memory that makes no sense', () => {
    const program = compile('hostile', [join(sources, 'hostile.c')], [include, '-pthread', ...SANITIZERS]);
    expect(run(program, [uniqueName('hostile'), '1000', '1'])).toBe('1000 rounds\n');
  });

  test('of calls does what it says, as C and as C++', () => {
    const calls = join(sources, 'service_test.c');
    const program = compile('service-test', [calls], [include, '-pthread', ...SANITIZERS]);
    expect(run(program, [uniqueName('calls')])).toBe('all is well\n');
    const cpp = compileCpp('service-test-cpp', [calls], ['-xc++', include, '-pthread']);
    expect(run(cpp, [uniqueName('calls-cpp')])).toBe('all is well\n');
  });

  test('of calls races with no other thread', () => {
    const flags = [include, '-pthread', '-g', '-fsanitize=thread'];
    const program = compile('service-threads', [join(sources, 'service_test.c')], flags);
    expect(run(program, [uniqueName('service-threads')])).toBe('all is well\n');
  });

  test('of calls survives memory that makes no sense', () => {
    const program = compile(
      'hostile-calls',
      [join(sources, 'hostile_calls.c')],
      [include, '-pthread', ...SANITIZERS],
    );
    expect(run(program, [uniqueName('hostile-calls'), '1000', '1'])).toBe('1000 rounds\n');
  });

  test('is found by pkg-config', () => {
    const [compiler, pkgConfig] = [commandOf('a C compiler'), commandOf('pkg-config')];
    const path = join(packageRoot, 'pkgconfig');
    const flags = run(pkgConfig, ['--cflags', '--libs', 'mmfbus'], { PKG_CONFIG_PATH: path });
    const listen = join(packageRoot, 'examples', 'listen.c');
    run(compiler, [listen, '-o', join(folder, 'listen'), ...flags.trim().split(/\s+/)]);
  });

  test('is found by CMake', () => {
    commandOf('a C compiler');
    const cmake = commandOf('CMake');
    const build = join(folder, 'build');
    const lines = [
      'cmake_minimum_required(VERSION 3.16)',
      'project(use C)',
      `find_package(mmfbus CONFIG REQUIRED PATHS ${join(packageRoot, 'cmake')})`,
      `add_executable(say ${join(packageRoot, 'examples', 'say.c')})`,
      'target_link_libraries(say PRIVATE mmfbus::mmfbus)',
    ];
    writeFileSync(join(folder, 'CMakeLists.txt'), lines.join('\n'));
    run(cmake, ['-S', folder, '-B', build]);
    run(cmake, ['--build', build]);
  });
});

/** The commands of a README, each with what it must print; those that compile Rust are run by its own tests, at the same time. */
function commandsOf(readme: string): [string, string][] {
  const text = readFileSync(join(workspaceRoot, readme), 'utf8');
  const blocks = text.matchAll(/```sh\n(mkdir [\s\S]*?)```\n\n```text\n([\s\S]*?)```/g);
  return [...blocks]
    .map(([, commands = '', output = '']): [string, string] => [commands, output])
    .filter(([commands]) => !commands.includes('rustc'));
}

describe.each(['packages/native/README.md', 'examples/native/README.md'])('%s', (readme) => {
  const all = commandsOf(readme);

  test('has commands', () => {
    expect(all.length).toBeGreaterThan(0);
  });

  test.each(all)('works as it is written: %s', (commands, output) => {
    commandOf('a C compiler');
    expect(run('sh', ['-e', '-c', commands])).toBe(output);
  });
});
