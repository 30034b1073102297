import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { decoded } from '../codec/encoded.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { commandOf } from '../support/tools.js';
import { workspaceRoot } from '../support/workspace.js';
import { chosenSamples } from './chosen-samples.js';
import { echo } from './echo.js';
import { agree } from './judge.js';
import { rustProgram } from './rust-program.js';
import { changedMessages, messagesOf, randomSamples, SEED } from './samples.js';

const SHAPES = 100;
const ROUNDS = 200;

describe.each([
  ['random', randomSamples(SHAPES)],
  ['chosen', chosenSamples()],
] as const)('generated Rust for %s shapes', (name, samples) => {
  /** Compiled by the first test that asks. */
  const program = () => rustProgram(`${name}-shapes-rust`, samples);

  test('reads what Node wrote, and Node reads what it made of that', () => {
    const messages = messagesOf(samples);
    const answers = echo([program()], messages);
    for (const [index, { sample, value }] of messages.entries()) {
      const where = `seed ${SEED}, ${sample.name}, ${sample.codec.schema.text}`;
      const answer = answers[index]!;
      assert.ok('bytes' in answer, `${where}: ${JSON.stringify(answer)}`);
      assert.deepStrictEqual(decoded(sample.codec, answer.bytes), value, where);
    }
  });

  test(`refuses of ${samples.length * ROUNDS} changed messages those that Node refuses, and reads the others alike`, () => {
    const messages = changedMessages(samples, ROUNDS);
    const answers = echo([program()], messages);
    const accepted = messages.filter((message, index) => agree(message, answers[index]!));
    expect(accepted.length).toBeGreaterThan(messages.length / 100);
  });
});

describe('generated Rust without std', () => {
  const folder = temporaryFolder('no-std');

  test('compiles with alloc alone', () => {
    const runtime = join(workspaceRoot, 'packages', 'native', 'rust', 'mmfbus_msgpack.rs');
    copyFileSync(runtime, join(folder, 'mmfbus_msgpack.rs'));
    copyFileSync(join(workspaceRoot, 'examples', 'native', 'reading.rs'), join(folder, 'reading.rs'));
    writeFileSync(join(folder, 'lib.rs'), '#![no_std]\npub mod mmfbus_msgpack;\npub mod reading;\n');
    const args = ['--edition', '2021', '-D', 'warnings', '--crate-type', 'lib', 'lib.rs'];
    const { status, stderr } = spawnSync(commandOf('a Rust compiler'), args, {
      cwd: folder,
      encoding: 'utf8',
      timeout: 100_000,
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});
