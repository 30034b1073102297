import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ownDirectory } from '../support/own-directory.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { commandOf } from '../support/tools.js';
import { uniqueName } from '../support/unique-name.js';
import { workspaceRoot } from '../support/workspace.js';

const sources = join(workspaceRoot, 'test', 'native');
const modules = join(workspaceRoot, 'packages', 'native', 'python');
/** Milliseconds after which a program that still runs is killed. */
const WATCHDOG = 100_000;

ownDirectory('python');

/** Where `python3` is the Python of the tests. */
const programs = temporaryFolder('python');

function run(file: string, args: readonly string[]): string {
  const python3 = join(programs, 'python3');
  if (!existsSync(python3)) symlinkSync(commandOf('Python'), python3);
  const { status, signal, stdout, stderr } = spawnSync(file, args, {
    cwd: workspaceRoot,
    env: {
      ...process.env,
      PATH: `${programs}:${process.env['PATH']}`,
      PYTHONPATH: modules,
      PYTHONDONTWRITEBYTECODE: '1',
    },
    encoding: 'utf8',
    timeout: WATCHDOG,
    killSignal: 'SIGKILL',
  });
  if (status !== 0)
    throw new Error(`${file} ended with ${signal ?? `status ${status}`}\n${stdout}\n${stderr}`);
  return stdout;
}

/** The blocks of a README in that language that have an output behind them, and the outputs. */
function blocksOf(readme: string, language: string): [string, string][] {
  const text = readFileSync(join(workspaceRoot, readme), 'utf8');
  const blocks = text.matchAll(/```(\w+)\n([^`]*)```\n\n```text\n([^`]*)```/g);
  return [...blocks].flatMap(([, name, block = '', output = '']) =>
    name === language && /python|import/.test(block) ? [[block, output]] : [],
  );
}

describe('the module for Python', () => {
  test('does what it says', () => {
    expect(run('python3', ['-W', 'error', join(sources, 'mmfbus_test.py'), '--quiet'])).toBe('');
  });

  test('of calls does what it says', () => {
    const file = join(sources, 'mmfbus_service_test.py');
    expect(run(commandOf('msgpack for Python'), ['-W', 'error', file, '--quiet'])).toBe('');
  });

  test('survives memory that makes no sense', () => {
    expect(run('python3', [join(sources, 'hostile.py'), uniqueName('hostile'), '100', '1'])).toBe(
      '100 rounds\n',
    );
  });

  test('of calls survives memory that makes no sense', () => {
    const python = commandOf('msgpack for Python');
    const file = join(sources, 'hostile_calls.py');
    expect(run(python, [file, uniqueName('hostile-calls'), '300', '1'])).toBe('300 rounds\n');
  });

  test.each([
    ['mmfbus.py', 'channel', 30],
    ['mmfbus_service.py', 'service', 25],
  ])('names only steps that Node has: %s', (file, name, least) => {
    const steps = readFileSync(
      join(workspaceRoot, 'packages', name, 'src', 'foundation', 'steps.ts'),
      'utf8',
    );
    const text = readFileSync(join(modules, file), 'utf8');
    const named = [...text.matchAll(/# step: (.+)/g)].map(([, step]) => step);
    expect(named.length).toBeGreaterThan(least);
    expect(named.filter((step) => !steps.includes(`'${step}'`))).toEqual([]);
  });

  test('does what its README says', () => {
    const blocks = blocksOf('packages/native/README.md', 'python');
    expect(blocks).toHaveLength(2);
    for (const [code, output] of blocks) {
      const python = code.includes('mmfbus_service') ? commandOf('msgpack for Python') : 'python3';
      expect(run(python, ['-c', code])).toBe(output);
    }
  });

  test('has an example that works as it is written', () => {
    const [[commands, output]] = blocksOf('examples/native/README.md', 'sh') as [[string, string]];
    expect(run('sh', ['-e', '-c', commands])).toBe(output);
  });
});
