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

const rust = join(workspaceRoot, 'packages', 'native', 'rust');

/** The steps at which a module may be killed. */
function stepsOf(source: string): string[] {
  return [...source.matchAll(/step!\("(.+)"\)/g)].map(([, step = '']) => step);
}

/** The steps that Node has. */
function stepsOfNode(name: string): string {
  return readFileSync(join(workspaceRoot, 'packages', name, 'src', 'foundation', 'steps.ts'), 'utf8');
}

/** Lines that begin unsafe code without saying why it is safe. */
function bareUnsafe(source: string): string[] {
  const lines = source.split('\n');
  return lines.filter((line, index) => {
    if (!/\bunsafe (?:\{|impl)/.test(line)) return false;
    const before = lines.slice(Math.max(0, index - 4), index + 1).join('\n');
    return !before.includes('// SAFETY:');
  });
}

describe('the module for Rust', () => {
  const source = readFileSync(join(rust, 'mmfbus.rs'), 'utf8');

  test('does what it says', () => {
    const program = compileRust('module-test', join(workspaceRoot, 'test', 'native', 'module_test.rs'));
    expect(run(program, [uniqueName('rust')])).toBe('all is well\n');
  });

  test('survives memory that makes no sense', () => {
    const program = compileRust('hostile', join(workspaceRoot, 'test', 'native', 'hostile.rs'));
    expect(run(program, [uniqueName('hostile'), `${ROUNDS}`, '1'])).toBe(`${ROUNDS} rounds\n`);
  });

  test('names only steps that Node has', () => {
    const steps = stepsOfNode('channel');
    const named = stepsOf(source);
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter((step) => !steps.includes(`'${step}'`))).toEqual([]);
  });

  test('uses nothing of std', () => {
    expect(source).not.toMatch(/\bstd::/);
  });

  test('says why each unsafe block is safe', () => {
    expect(bareUnsafe(source)).toEqual([]);
  });

  test('works as the README of the package says', () => {
    commandOf('a Rust compiler');
    const readme = readFileSync(join(workspaceRoot, 'packages', 'native', 'README.md'), 'utf8');
    const [, commands = '', output = ''] =
      /```sh\n([^`]*rustc[^`]*)```\n\n```text\n([^`]*)```/.exec(readme) ?? [];
    expect(run('sh', ['-e', '-c', commands])).toBe(output);
  });
});

describe('the module of calls for Rust', () => {
  const source = readFileSync(join(rust, 'mmfbus_service.rs'), 'utf8');

  test('does what it says', () => {
    const program = compileRust('service-test', join(workspaceRoot, 'test', 'native', 'service_test.rs'));
    expect(run(program, [uniqueName('rust-calls')])).toBe('all is well\n');
  });

  test('survives memory that makes no sense', () => {
    const program = compileRust('hostile-calls', join(workspaceRoot, 'test', 'native', 'hostile_calls.rs'));
    expect(run(program, [uniqueName('hostile-calls'), '1000', '1'])).toBe('1000 rounds\n');
  });

  test('has all steps that Node has', () => {
    const steps = [...stepsOfNode('service').matchAll(/\| '(.+)'/g)].map(([, step = '']) => step);
    expect([...new Set(stepsOf(source))].sort()).toEqual(steps.sort());
  });

  test('says why each unsafe block is safe', () => {
    expect(bareUnsafe(source)).toEqual([]);
  });
});
