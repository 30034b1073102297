import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { PNPM } from '../support/packed-packages.js';
import { startNode } from '../support/spawn.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { commandOf } from '../support/tools.js';
import { workspaceRoot } from '../support/workspace.js';

/** Packing and installing are other people's programs that may use the network. */
const SLOW = 300_000;

const folder = temporaryFolder('packed-native');
const project = join(folder, 'project');
const installed = join(project, 'node_modules', '@mmfbus', 'native');

function run(file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  const options = { cwd: project, env: { ...process.env, ...env }, encoding: 'utf8', timeout: SLOW } as const;
  const { status, stdout, stderr } = spawnSync(file, args, options);
  if (status !== 0) throw new Error(`${file} ended with status ${status}\n${stdout}\n${stderr}`);
  return stdout;
}

beforeAll(async () => {
  mkdirSync(project);
  const packing = startNode(PNPM, {
    args: ['pack', '--json', '--pack-destination', folder],
    cwd: join(workspaceRoot, 'packages', 'native'),
    watchdog: SLOW,
  });
  const output = await packing.success();
  const { filename } = JSON.parse(output.slice(output.indexOf('{')));
  const manifest = {
    name: 'consumer',
    private: true,
    dependencies: { '@mmfbus/native': `file:${filename}` },
  };
  writeFileSync(join(project, 'package.json'), JSON.stringify(manifest));
  run('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock', '--offline']);
}, SLOW);

describe('the packed @mmfbus/native, installed', () => {
  test('holds the header, what finds it, the module, the examples, and nothing else', () => {
    const files = readdirSync(installed, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1))
      // The first release writes it.
      .filter((file) => file !== 'CHANGELOG.md')
      .sort();
    expect(files).toEqual([
      'LICENSE',
      'README.md',
      'cmake/mmfbus-config.cmake',
      'examples/listen.c',
      'examples/listen.rs',
      'examples/say.c',
      'examples/say.rs',
      'include/mmfbus.h',
      'include/mmfbus_service.h',
      'include/mmfbus_shape.h',
      'package.json',
      'pkgconfig/mmfbus.pc',
      'python/mmfbus.py',
      'python/mmfbus_service.py',
      'python/mmfbus_shape.py',
      'rust/mmfbus.rs',
      'rust/mmfbus_msgpack.rs',
      'rust/mmfbus_service.rs',
    ]);
  });

  test('compiles with what pkg-config says', () => {
    const [compiler, pkgConfig] = [commandOf('a C compiler'), commandOf('pkg-config')];
    const env = { PKG_CONFIG_PATH: join(installed, 'pkgconfig') };
    const flags = run(pkgConfig, ['--cflags', '--libs', 'mmfbus'], env).trim().split(/\s+/);
    for (const name of ['say', 'listen']) {
      run(compiler, [join(installed, 'examples', `${name}.c`), '-o', join(project, name), ...flags]);
    }
  });

  test('compiles with CMake', () => {
    commandOf('a C compiler');
    const cmake = commandOf('CMake');
    const lines = [
      'cmake_minimum_required(VERSION 3.16)',
      'project(use C)',
      'find_package(mmfbus CONFIG REQUIRED PATHS node_modules/@mmfbus/native/cmake)',
      'add_executable(listen node_modules/@mmfbus/native/examples/listen.c)',
      'target_link_libraries(listen PRIVATE mmfbus::mmfbus)',
    ];
    writeFileSync(join(project, 'CMakeLists.txt'), lines.join('\n'));
    run(cmake, ['-S', '.', '-B', 'build']);
    run(cmake, ['--build', 'build']);
  });
});
