import assert from 'node:assert/strict';
import { describe, expect, test } from 'vitest';
import { decoded } from '../codec/encoded.js';
import { cProgram, cppProgram } from './c-program.js';
import { chosenSamples } from './chosen-samples.js';
import { type Echo, echo } from './echo.js';
import { agree } from './judge.js';
import { changedMessages, messagesOf, randomSamples, SEED } from './samples.js';

const SHAPES = 100;
const ROUNDS = 200;

describe.each([
  ['random', randomSamples(SHAPES)],
  ['chosen', chosenSamples()],
] as const)('generated C for %s shapes', (name, samples) => {
  /** Compiled by the first test that asks. */
  const program = () => cProgram(`${name}-shapes`, samples);

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

  test('is C++ as well', () => {
    const some = samples.slice(0, 30);
    const messages = messagesOf(some);
    expect(echo([cppProgram(`${name}-shapes-cpp`, some)], messages)).toEqual(echo([program()], messages));
  }, 300_000);

  test(`refuses of ${samples.length * ROUNDS} changed messages those that Node refuses, and reads the others alike`, () => {
    const messages = changedMessages(samples, ROUNDS);
    const answers: readonly Echo[] = echo([program()], messages);
    const accepted = messages.filter((message, index) => agree(message, answers[index]!));
    expect(accepted.length).toBeGreaterThan(messages.length / 100);
  });
});
