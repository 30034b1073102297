import assert from 'node:assert/strict';
import { beforeAll, describe, expect, test } from 'vitest';
import { decoded } from '../codec/encoded.js';
import { chosenSamples } from './chosen-samples.js';
import { echo } from './echo.js';
import { agree } from './judge.js';
import { RUSTC, rustProgram } from './rust-program.js';
import { changedMessages, messagesOf, randomSamples, SEED } from './samples.js';

const SHAPES = 100;
const ROUNDS = 200;

describe.runIf(RUSTC !== undefined).each([
  ['random', randomSamples(SHAPES)],
  ['chosen', chosenSamples()],
] as const)('generated Rust for %s shapes', (name, samples) => {
  let program: string;

  beforeAll(() => {
    program = rustProgram(RUSTC!, `${name}-shapes-rust`, samples);
  }, 300_000);

  test('reads what Node wrote, and Node reads what it made of that', () => {
    const messages = messagesOf(samples);
    const answers = echo([program], messages);
    for (const [index, { sample, value }] of messages.entries()) {
      const where = `seed ${SEED}, ${sample.name}, ${sample.codec.schema.text}`;
      const answer = answers[index]!;
      assert.ok('bytes' in answer, `${where}: ${JSON.stringify(answer)}`);
      assert.deepStrictEqual(decoded(sample.codec, answer.bytes), value, where);
    }
  });

  test(`refuses of ${samples.length * ROUNDS} changed messages those that Node refuses, and reads the others alike`, () => {
    const messages = changedMessages(samples, ROUNDS);
    const answers = echo([program], messages);
    const accepted = messages.filter((message, index) => agree(message, answers[index]!));
    expect(accepted.length).toBeGreaterThan(messages.length / 100);
  });
});
