import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { compile } from '../compat/native.js';
import { uniqueName } from '../support/unique-name.js';

/** Milliseconds after which a program that still runs is killed. */
const WATCHDOG = 100_000;

/** As in header.test.ts: programs of the headers, with their arguments and what they print. */
const PROGRAMS: readonly (readonly [name: string, args: readonly string[], output: string])[] = [
  ['header-test', [], 'all is well'],
  ['laps', [], 'all is well'],
  ['service-test', [], 'all is well'],
  ['hostile-calls', ['1000', '1'], '1000 rounds'],
];

describe.runIf(process.platform === 'win32')('the headers for C, on Windows', () => {
  test.each(PROGRAMS)('%s', (name, args, output) => {
    const { status, stdout, stderr } = spawnSync(compile(name, []), [uniqueName(name), ...args], {
      encoding: 'utf8',
      timeout: WATCHDOG,
    });
    expect({ status, stdout: stdout.trim(), stderr }).toEqual({ status: 0, stdout: output, stderr: '' });
  });
});
