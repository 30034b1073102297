import { describe, expect, test } from 'vitest';
import { type Program, startCode, startNode, startProgram } from './spawn.js';

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('a started program', () => {
  let previous: Program | undefined;

  test('answers line by line', async () => {
    previous = startProgram('echo');
    previous.send('one');
    previous.send('two');
    expect((await previous.waitForLine(/^got (two)$/))[1]).toBe('two');
  });

  test('does not outlive its test', () => {
    expect(previous && isAlive(previous.pid)).toBe(false);
  });

  test('ends with its input', async () => {
    const program = startProgram('echo');
    program.send('last');
    program.endInput();
    expect(await program.success()).toBe('got last\n');
  });

  test('tells its status and what it wrote', async () => {
    const program = startCode('console.error("reason"); process.exit(3)');
    expect(await program.exit()).toEqual({ status: 3, signal: null, stdout: '', stderr: 'reason\n' });
    await expect(program.success()).rejects.toThrow(/ended with status 3[\s\S]*reason/);
  });

  test('tells the signal that ended it', async () => {
    const program = startCode('console.log("up"); setInterval(() => {}, 1000)');
    await program.waitForLine(/up/);
    program.kill('SIGKILL');
    expect(await program.exit()).toMatchObject({ status: null, signal: 'SIGKILL' });
  });

  test('is signalled with all that it started, as a group', async () => {
    const script = `node -e "console.log('up'); setInterval(() => {}, 1000)" & wait`;
    const program = startNode(script, { runtime: ['sh', '-c'], isGroup: true });
    await program.waitForLine(/^up$/);
    program.kill('SIGKILL');
    // Its output ends with the last process that can write to it.
    expect(await program.exit()).toMatchObject({ status: null, signal: 'SIGKILL' });
  });

  test('fails a wait for a line that it never writes', async () => {
    const program = startCode('console.log("something else")');
    await expect(program.waitForLine(/ready/)).rejects.toThrow(
      /without a line that matches \/ready\/[\s\S]*something else/,
    );
  });

  test('is killed by the watchdog', async () => {
    const program = startCode('console.log("stuck"); setInterval(() => {}, 1000)', { watchdog: 1_500 });
    await expect(program.waitForLine(/ready/)).rejects.toThrow(/watchdog after 1500 ms/);
    await expect(program.exit()).rejects.toThrow(/watchdog/);
  });
});
