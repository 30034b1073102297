import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { compileRust } from '../support/rust.js';
import { commandOf } from '../support/tools.js';
import { uniqueName } from '../support/unique-name.js';
import { workspaceRoot } from '../support/workspace.js';

/** Milliseconds after which a program that still runs is killed. */
const WATCHDOG = 100_000;
const ROUNDS = 300;

ownDirectory('rust');

function run(file: string, args: readonly string[]): string {
  const { status, signal, stdout, stderr } = spawnSync(file, args, {
    cwd: workspaceRoot,
    encoding: 'utf8',
    timeout: WATCHDOG,
    killSignal: 'SIGKILL',
  });
  if (status !== 0)
    throw new Error(`${file} ended with ${signal ?? `status ${status}`}\n${stdout}\n${stderr}`);
  return stdout;
}

describe('the module for Rust', () => {
  const source = readFileSync(join(workspaceRoot, 'packages', 'native', 'rust', 'mmfbus.rs'), 'utf8');

  test('does what it says', () => {
    const program = compileRust('module-test', join(workspaceRoot, 'test', 'native', 'module_test.rs'));
    expect(run(program, [uniqueName('rust')])).toBe('all is well\n');
  });

  test('survives memory that makes no sense', () => {
    const program = compileRust('hostile', join(workspaceRoot, 'test', 'native', 'hostile.rs'));
    expect(run(program, [uniqueName('hostile'), `${ROUNDS}`, '1'])).toBe(`${ROUNDS} rounds\n`);
  });

  test('names only steps that Node has', () => {
    const steps = readFileSync(
      join(workspaceRoot, 'packages', 'channel', 'src', 'foundation', 'steps.ts'),
      'utf8',
    );
    const named = [...source.matchAll(/step!\("(.+)"\)/g)].map(([, step]) => step);
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter((step) => !steps.includes(`'${step}'`))).toEqual([]);
  });

  test('uses nothing of std', () => {
    expect(source).not.toMatch(/\bstd::/);
  });

  test('says why each unsafe block is safe', () => {
    const lines = source.split('\n');
    const bare = lines.filter((line, index) => {
      if (!/\bunsafe (?:\{|impl)/.test(line)) return false;
      const before = lines.slice(Math.max(0, index - 4), index + 1).join('\n');
      return !before.includes('// SAFETY:');
    });
    expect(bare).toEqual([]);
  });

  test('works as the README of the package says', () => {
    commandOf('a Rust compiler');
    const readme = readFileSync(join(workspaceRoot, 'packages', 'native', 'README.md'), 'utf8');
    const [, commands = '', output = ''] =
      /```sh\n([^`]*rustc[^`]*)```\n\n```text\n([^`]*)```/.exec(readme) ?? [];
    expect(run('sh', ['-e', '-c', commands])).toBe(output);
  });
});
